use std::net::UdpSocket;
use std::time::Duration;

fn main() {
    let port: u16 = std::env::args().next_back().unwrap().parse().unwrap();
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_broadcast(true).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    socket.send_to(b"who?", ("127.255.255.255", port)).unwrap();
    for _ in 0..2 {
        socket.recv_from(&mut [0; 1000]).unwrap();
    }
}
