//! Every capacity of the core, each with its reason. Nothing that comes over the network can exceed one of them.
