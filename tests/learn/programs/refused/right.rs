use std::net::UdpSocket;

fn main() {
    let port: u16 = std::env::args().next_back().unwrap().parse().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(("127.0.0.1", port)).unwrap();
    socket.send(b"what?").unwrap();
    if let Err(error) = socket.recv(&mut [0; 1000]) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
