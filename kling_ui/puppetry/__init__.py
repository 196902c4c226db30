"""The puppet: a character cut out of its picture, moved as the person in a clip moves."""
