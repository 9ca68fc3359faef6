use std::collections::HashMap;
use std::net::UdpSocket;

fn main() {
    let port: u16 = std::env::args().next_back().unwrap().parse().unwrap();
    let socket = UdpSocket::bind(("127.0.0.1", port)).unwrap();
    let (mut total, mut answers) = (0, HashMap::new());
    let mut buffer = [0; 65535];
    loop {
        let (length, client) = socket.recv_from(&mut buffer).unwrap();
        let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let id = request.split(' ').next().unwrap_or_default().to_owned();
        let answer = answers.entry((client, id.clone())).or_insert_with(|| {
            total += 1;
            format!("{id} {total}")
        });
        socket.send_to(answer.as_bytes(), client).unwrap();
    }
}
