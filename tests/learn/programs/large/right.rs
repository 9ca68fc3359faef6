use std::net::UdpSocket;

fn main() {
    let port: u16 = std::env::args().next_back().unwrap().parse().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let message: Vec<u8> = (0..10_000).map(|at| (at % 251) as u8).collect();
    for (at, piece) in message.chunks(1468).enumerate() {
        let mut datagram = ((at * 1468) as u32).to_be_bytes().to_vec();
        datagram.extend(piece);
        socket.send_to(&datagram, ("127.0.0.1", port)).unwrap();
    }
}
