//! Receiving into buffers of the caller.

use std::io::ErrorKind;

use crate::{SOON, at, backends, plain};
use udpraw::io::{Backend, Transmit, Transport, Wait};

#[test]
fn buffers_of_the_caller_get_what_the_backend_would() {
    for backend in backends() {
        let mut receiver = plain(backend);
        let mut sender = plain(Backend::Offload);
        let to = at(&receiver);
        let mut buffers = [vec![0; 65_535], vec![0; 65_535], vec![0; 65_535]];
        let mut into = |receiver: &mut Transport, wait| {
            let mut got = Vec::new();
            let mut lent = buffers
                .each_mut()
                .map(|buffer| std::io::IoSliceMut::new(buffer));
            let messages = receiver.receive_into(wait, &mut lent, |message| {
                got.push((message.source(), message.bytes().to_vec(), message.count()));
            });
            for (buffer, (_, bytes, _)) in buffers.iter().zip(&got) {
                assert!(buffer.starts_with(bytes), "{backend}");
            }
            messages.map(|messages| (messages, got))
        };
        if backend == Backend::Uring {
            let refused = into(&mut receiver, Wait::Never).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Unsupported);
            continue;
        }
        assert_eq!(into(&mut receiver, Wait::Never).unwrap().0, 0, "{backend}");
        let run: Vec<u8> = (0..5_000_u32).map(|at| (at % 251) as u8).collect();
        let source = at(&sender);
        let send_queue = &mut sender.send_queue();
        send_queue.queue(&Transmit::new(&run).to(to).in_segments_of(1_200));
        send_queue.queue(&Transmit::new(b"").to(to));
        send_queue.queue(&Transmit::new(b"last").to(to));
        send_queue.flush().into_result().unwrap();
        let (mut bytes, mut datagrams) = (Vec::new(), 0);
        while datagrams < 7 {
            let (messages, got) = into(&mut receiver, SOON).unwrap();
            assert!(messages > 0 && messages == got.len(), "{backend}");
            for (from, part, count) in got {
                assert_eq!(from, source);
                bytes.extend(part);
                datagrams += count;
            }
        }
        assert_eq!(datagrams, 7, "{backend}");
        assert_eq!(bytes, [&run[..], b"last"].concat(), "{backend}");
    }
}
