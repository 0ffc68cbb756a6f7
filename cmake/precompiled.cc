// Nothing of its own: a precompiled header (precompiled.cmake) needs a unit that reads it.
