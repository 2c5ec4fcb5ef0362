// Gives the library of test support a source, and so the precompiled header an owner.
