//! Several sockets on one port: SO_REUSEPORT, with flows kept on their CPU.

use std::net::SocketAddr;
use std::os::fd::AsFd;

use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;

use super::builder::Builder;
use super::endpoint::Endpoint;
use super::option;
use crate::error::{Error, Result};
use crate::sys::sockopt;

/// The most sockets in a group: more than any machine has CPUs.
const LARGEST: usize = 1024;

impl Builder {
    /// Makes `size` sockets that share `address` by `SO_REUSEPORT` (socket(7), Linux 3.9).
    ///
    /// A classic BPF program (`SO_ATTACH_REUSEPORT_CBPF`, Linux 4.5) keeps the flows of a CPU on it: socket
    /// `i` gets the datagrams that the kernel received on the `i`-th of the CPUs that this thread may run
    /// on, counted from 0 and modulo `size`. Datagrams received on another CPU go by the number of that
    /// CPU, modulo `size`.
    ///
    /// With port 0, the kernel picks one port for all of them. A group of one is an ordinary socket.
    ///
    /// # Errors
    /// The errors of [`Builder::bind`], and `InvalidInput` for a size of 0 or above 1,024.
    pub fn bind_group(self, address: SocketAddr, size: usize) -> Result<Vec<Endpoint>> {
        if size == 0 || size > LARGEST {
            let reason = format!("a group has 1 to {LARGEST} sockets");
            return Err(Error::invalid(
                "make",
                format_args!("a group of {size} sockets"),
                reason,
            ));
        }
        if size == 1 {
            return Ok(vec![self.bind(address)?]);
        }
        let first = if address.port() == 0 {
            // With the option set, the kernel may pick a port that another group of this user holds.
            let mut first = self.clone().bind(address)?;
            first.set(option::SO_REUSEPORT, true)?;
            first
        } else {
            let builder = self.clone().option(option::SO_REUSEPORT, true);
            builder.bind(address)?
        };
        let builder = self.option(option::SO_REUSEPORT, true);
        let address = first.local_address()?;
        let mut group = vec![first];
        while group.len() < size {
            group.push(builder.clone().bind(address)?);
        }
        // A socket that was bound without the option joins the group with the second one.
        sockopt::steer_by_cpu(group[0].as_fd(), size as u32, &allowed_cpus()).map_err(
            |source| {
                Error::os("set", "SO_ATTACH_REUSEPORT_CBPF", source)
                    .with_remedy("it needs Linux 4.5")
            },
        )?;
        Ok(group)
    }
}

/// The CPUs that this thread may run on (sched_getaffinity(2)); empty if unknown.
fn allowed_cpus() -> Vec<u32> {
    let Ok(set) = sched_getaffinity(Pid::from_raw(0)) else {
        return Vec::new();
    };
    let is_allowed = |cpu: &usize| set.is_set(*cpu).unwrap_or(false);
    let allowed = (0..CpuSet::count()).filter(is_allowed);
    allowed.map(|cpu| cpu as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::ReceiveBuffer;

    #[test]
    fn a_group_shares_a_port_and_loses_nothing() {
        let address = "127.0.0.1:0".parse().unwrap();
        let group = Endpoint::builder().bind_group(address, 3).unwrap();
        let port = group[0].local_address().unwrap();
        assert!(
            group
                .iter()
                .all(|endpoint| endpoint.local_address().unwrap() == port)
        );
        for _ in 0..10 {
            let client = Endpoint::builder()
                .unbound(crate::socket::Family::V4)
                .unwrap();
            client.send_to(b"x", port).unwrap();
        }
        let mut buffer = ReceiveBuffer::new();
        let mut received = 0;
        for endpoint in &group {
            while endpoint.try_receive(&mut buffer).unwrap().is_some() {
                received += 1;
            }
        }
        assert_eq!(received, 10);
    }

    /// The range of ports has one port, which the first group takes.
    #[test]
    fn a_port_that_the_kernel_picks_belongs_to_no_other_group() {
        let free = Endpoint::builder()
            .bind("127.0.0.1:0".parse().unwrap())
            .unwrap();
        let port = u32::from(free.local_address().unwrap().port());
        drop(free);
        let range = format!("IP_LOCAL_PORT_RANGE={port}-{port}");
        let group = || {
            Endpoint::builder()
                .options([range.parse().unwrap()])
                .bind_group("127.0.0.1:0".parse().unwrap(), 2)
        };
        let first = match group() {
            Err(error) if error.errno() == Some(libc::ENOPROTOOPT) => {
                eprintln!("SKIPPED: IP_LOCAL_PORT_RANGE needs Linux 6.3");
                assert!(std::env::var("CI").is_err(), "{error}");
                return;
            }
            first => first.unwrap(),
        };
        assert_eq!(
            u32::from(first[0].local_address().unwrap().port()),
            port,
            "the only one"
        );
        let second = group().unwrap_err();
        assert_eq!(second.errno(), Some(libc::EADDRINUSE), "{second}");
    }

    #[test]
    fn what_a_cpu_receives_goes_to_its_socket() {
        use nix::sched::sched_setaffinity;

        let this_thread = Pid::from_raw(0);
        let allowed = sched_getaffinity(this_thread).unwrap();
        let group = Endpoint::builder()
            .bind_group("127.0.0.1:0".parse().unwrap(), 2)
            .unwrap();
        let port = group[0].local_address().unwrap();
        let mut buffer = ReceiveBuffer::new();
        for cpu in (0..CpuSet::count())
            .filter(|&cpu| allowed.is_set(cpu).unwrap_or(false))
            .take(4)
        {
            let mut only = CpuSet::new();
            only.set(cpu).unwrap();
            sched_setaffinity(this_thread, &only).unwrap();
            // On loopback the sender's CPU receives, too.
            for _ in 0..8 {
                let client = Endpoint::builder()
                    .unbound(crate::socket::Family::V4)
                    .unwrap();
                client.send_to(b"x", port).unwrap();
                assert!(
                    group[cpu % 2].try_receive(&mut buffer).unwrap().is_some(),
                    "CPU {cpu}"
                );
            }
        }
        sched_setaffinity(this_thread, &allowed).unwrap();
    }

    /// The workers are pinned to the allowed CPUs in their order: the sockets must match.
    #[test]
    fn the_only_cpu_that_is_allowed_has_the_first_socket() {
        use nix::sched::sched_setaffinity;

        let this_thread = Pid::from_raw(0);
        let allowed = sched_getaffinity(this_thread).unwrap();
        let mut buffer = ReceiveBuffer::new();
        for cpu in allowed_cpus() {
            let mut only = CpuSet::new();
            only.set(cpu as usize).unwrap();
            sched_setaffinity(this_thread, &only).unwrap();
            let address = "127.0.0.1:0".parse().unwrap();
            let group = Endpoint::builder().bind_group(address, 2).unwrap();
            let port = group[0].local_address().unwrap();
            for _ in 0..8 {
                let client = Endpoint::builder()
                    .unbound(crate::socket::Family::V4)
                    .unwrap();
                client.send_to(b"x", port).unwrap();
                let received = group[0].try_receive(&mut buffer).unwrap();
                assert!(received.is_some(), "CPU {cpu}");
            }
        }
        sched_setaffinity(this_thread, &allowed).unwrap();
    }

    #[test]
    fn sizes_that_make_no_sense_are_refused() {
        let address = "127.0.0.1:0".parse().unwrap();
        Endpoint::builder().bind_group(address, 0).unwrap_err();
        Endpoint::builder().bind_group(address, 1025).unwrap_err();
    }
}
