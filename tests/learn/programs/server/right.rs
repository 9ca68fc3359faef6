use std::net::UdpSocket;

fn main() {
    let port: u16 = std::env::args().next_back().unwrap().parse().unwrap();
    let socket = UdpSocket::bind(("127.0.0.1", port)).unwrap();
    let mut buffer = [0; 65535];
    loop {
        let (length, client) = socket.recv_from(&mut buffer).unwrap();
        socket.send_to(&buffer[..length], client).unwrap();
    }
}
