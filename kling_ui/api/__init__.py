"""The model API, spoken by the remote engine and the embedded preview alike."""
