//! Floor 3: what the programs decide, without a socket, a clock or a source of randomness of its own.
