//! `udpraw load`, as a person runs it.
