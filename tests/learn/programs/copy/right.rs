use std::net::UdpSocket;
use std::time::Duration;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [.., file, port] = arguments.as_slice() else {
        panic!("FILE PORT");
    };
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(("127.0.0.1", port.parse::<u16>().unwrap())).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let content = std::fs::read(file).unwrap();
    let pieces = content.chunks(1024).chain([&[][..]]);
    for (number, piece) in (0_u32..).zip(pieces) {
        let head = number.to_be_bytes();
        for _ in 0..20 {
            socket.send(&[&head, piece].concat()).unwrap();
            let mut answer = [0; 4];
            if socket.recv(&mut answer).is_ok() && answer == head {
                break;
            }
        }
    }
}
