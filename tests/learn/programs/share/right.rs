// std sets no options before bind: these are the C library's own functions.
use std::net::UdpSocket;
use std::os::fd::FromRawFd;

unsafe extern "C" {
    fn socket(domain: i32, kind: i32, protocol: i32) -> i32;
    fn setsockopt(fd: i32, level: i32, name: i32, value: *const i32, length: u32) -> i32;
    fn bind(fd: i32, address: *const u8, length: u32) -> i32;
}

const SOL_SOCKET: i32 = 1;
const SO_REUSEPORT: i32 = 15;

fn main() {
    let port: u16 = std::env::args().next_back().unwrap().parse().unwrap();
    let [high, low] = port.to_be_bytes();
    let address = [2, 0, high, low, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let socket = unsafe {
        let fd = socket(2, 2, 0);
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &1, 4);
        assert_eq!(bind(fd, address.as_ptr(), 16), 0);
        UdpSocket::from_raw_fd(fd)
    };
    let mut buffer = [0; 65535];
    loop {
        let (length, client) = socket.recv_from(&mut buffer).unwrap();
        socket.send_to(&buffer[..length], client).unwrap();
    }
}
