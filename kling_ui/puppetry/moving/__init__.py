"""From a clip's poses to the puppet's stances."""
