"""The embedded engine: free motion transfer on this machine, behind the same contract as the remote one."""
