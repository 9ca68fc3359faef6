//! What the library promises a program that is not udpraw: it stops when told, and waits however long.

mod longest_times;
mod stop;
