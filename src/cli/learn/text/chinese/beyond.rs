//! The chapter "Beyond the book" in Chinese.

use std::net::SocketAddr;

use udpraw::language::Language;

use super::Chinese;
use crate::cli::learn::text::{Beyond, Words};

#[rustfmt::skip]
impl Beyond for Chinese {
    fn overflow(&self) -> Words {
        Words {
            title: "缓冲区会溢出，内核会计数",
            claim: "等待接收的数据报放在缓冲区里。满了以后，内核丢弃新来的，并且计数。",
            question: "服务器太慢，接收缓冲区满了。在哪里能看到丢包？",
            choices: ["哪里也看不到", "在发送者那里：sendto 失败", "在服务器套接字的计数器里"],
            attempt: "观察每个套接字的丢包数",
        }
    }
    fn overflow_buffer(&self, asked: usize, got: &str) -> String { format!("接收者要 {asked} 字节的缓冲区；内核最少给 {got} 字节。") }
    fn overflow_counted(&self, sent: usize, arrived: usize, drops: usize) -> String { format!("发送了 {sent} 个数据报，缓冲区装下 {arrived} 个，套接字的计数器显示丢弃 {drops} 个：一个不差。") }

    fn mtu(&self) -> Words {
        Words {
            title: "MTU 与分片",
            claim: "链路能承载的包不超过它的 MTU。更长的数据报会被分片，或者被拒绝。",
            question: "MTU 是 1500 字节。IPv4 上一个不分片的数据报能装多少字节的数据？",
            choices: ["1500", "1480", "1472"],
            attempt: "找出到一台主机的路径 MTU",
        }
    }
    fn mtu_interface(&self, mtu: usize) -> String { format!("在单独的网络命名空间里，环回接口的 MTU 是 {mtu} 字节，与以太网相同。") }
    fn mtu_refused(&self, bytes: usize, errno: i32) -> String { format!("禁止分片时，发送 {bytes} 字节失败：{}。", Language::Chinese.errno(errno)) }
    fn mtu_fits(&self, bytes: usize, mtu: usize) -> String { format!("{bytes} 字节的数据通过了：加上 20 字节 IP 首部和 8 字节 UDP 首部，正好是 {mtu}。") }
    fn mtu_fragments(&self, bytes: usize, fragments: usize) -> String { format!("允许分片时，{bytes} 字节分成 {fragments} 片发出，到达时又是一个数据报。丢了一片，就等于全丢了。") }
    fn mtu_lacks_namespace(&self, errno: i32) -> String { format!("这台机器不允许用户命名空间（{}），本课无法造出 MTU 较小的网络。下面是本机环回接口的情形。", Language::Chinese.errno(errno)) }

    fn broadcast(&self) -> Words {
        Words {
            title: "广播与组播",
            claim: "一个数据报可以发给链路上的每台主机，或者发给一个组的所有成员。广播要由程序自己声明许可。",
            question: "程序没有设置任何选项，就向广播地址发送。会怎样？",
            choices: ["sendto 失败，错误是 EACCES", "每台主机都收到", "只有 root 的程序收到"],
            attempt: "查看这个选项的作用",
        }
    }
    fn broadcast_refused(&self, to: SocketAddr, errno: i32) -> String { format!("没有 SO_BROADCAST 时，向 {to} 发送失败：{}。", Language::Chinese.errno(errno)) }
    fn broadcast_arrived(&self, to: SocketAddr, receivers: usize) -> String { format!("有了 SO_BROADCAST，发往 {to} 的一个数据报到达了 {receivers} 个套接字：各得一份。") }
    fn multicast_arrived(&self, to: SocketAddr, members: usize, others: usize) -> String { format!("发往组 {to} 的一个数据报到达了 {members} 个已加入的套接字，未加入的收到 {others} 个。") }
    fn multicast_lacks(&self, errno: i32) -> String { format!("这里的环回接口不接受组播：{}。", Language::Chinese.errno(errno)) }

    fn batches(&self) -> Words {
        Words {
            title: "一次调用发送许多数据报",
            claim: "并非每个数据报都要一次系统调用：用 UDP_SEGMENT，一次调用发出许多，由内核切分。",
            question: "程序要发送一百个 100 字节的数据报，至少要调用几次 sendto？",
            choices: ["100", "10", "1"],
            attempt: "在这台机器上测一测好处有多大",
        }
    }
    fn batches_sent(&self, datagrams: usize, bytes: usize) -> String { format!("一次 sendto 接受了 {bytes} 字节：{datagrams} 个数据报。") }
    fn batches_arrived(&self, datagrams: usize, bytes: usize) -> String { format!("到达了 {datagrams} 个 {bytes} 字节的数据报，各自独立。") }
}
