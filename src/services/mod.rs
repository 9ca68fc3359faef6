//! Floor 2: names and numbers of ports (services(5)).
