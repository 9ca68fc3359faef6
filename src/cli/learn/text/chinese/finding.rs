//! The chapter "Finding the way" in Chinese.

use std::net::SocketAddr;

use udpraw::language::Language;

use super::Chinese;
use crate::cli::learn::text::{Finding, Words};

#[rustfmt::skip]
impl Finding for Chinese {
    fn machine(&self) -> Words {
        Words {
            title: "IP 找到机器",
            claim: "IP 只负责尽力把数据包送到正确的机器。",
            question: "两个套接字的端口号相同，IP 地址不同。一个数据报发往第一个地址，谁会收到？",
            choices: ["两个都收到", "只有那个地址上的套接字", "后绑定的那一个"],
            attempt: "列出哪个地址上有谁在接收",
        }
    }

    fn machine_arrived(&self, to: SocketAddr, text: &str) -> String {
        format!("发往 {to} 的“{text}”只到达了 {} 上的套接字，别处都没有收到。", to.ip())
    }

    fn machine_same_port(&self, port: u16) -> String {
        format!("两个套接字的端口都是 {port}：只由 IP 地址决定去向。（整个 127.0.0.0/8 都是本机，这里用其中两个地址代表两台机器。）")
    }

    fn ports(&self) -> Words {
        Words {
            title: "端口号区分会话",
            claim: "UDP 增加了多路复用：端口号把同一台机器上的会话区分开。",
            question: "三个程序在同一个 IP 地址上运行。一个数据报发往端口 B，谁会收到？",
            choices: ["三个都收到", "先来接收的那个程序", "占用端口 B 的程序"],
            attempt: "查看本机正在使用的所有端口",
        }
    }

    fn ports_arrived(&self, port: u16, text: &str) -> String {
        format!("端口 {port} 收到了发给它的“{text}”，此外什么也没有收到。")
    }

    fn ports_only_number_differed(&self, sockets: usize) -> String {
        format!("{sockets} 个套接字，同一个 IP 地址：只靠端口号就区分开了。这就是多路复用。")
    }

    fn flow(&self) -> Words {
        Words {
            title: "一对端点确定一条流",
            claim: "源 IP 和端口、目标 IP 和端口，合起来确定一个会话。",
            question: "三个客户端向同一个服务器套接字发送。服务器要分别应答，需要几个套接字？",
            choices: ["一个", "三个", "四个：一个监听，每个客户端再各一个"],
            attempt: "启动一个服务器，再在别的终端里启动几个客户端",
        }
    }

    fn flow_seen(&self, client: SocketAddr, server: SocketAddr, text: &str) -> String {
        format!("{client} -> {server}：“{text}”带着发送者的地址到达，应答也正好回到那个端点。")
    }

    fn flow_one_socket(&self, descriptor: usize, flows: usize) -> String {
        format!("服务器只用一个套接字（描述符 {descriptor}）就处理了 {flows} 条流。换成 TCP，每条流都要一个套接字。")
    }

    fn sixteen_bits(&self) -> Words {
        Words {
            title: "端口是 16 位的数",
            claim: "端口是无符号 16 位整数：0 到 65535。（不少笔记写成 65536，多了一个。）",
            question: "一个 C 程序向端口 65536 发送，数据报会到哪里？",
            choices: ["到端口 65536", "哪里也不到：这个数变成了端口 0", "到端口 65535"],
            attempt: "试试一个不存在的端口",
        }
    }

    fn sixteen_bits_highest(&self, port: u16) -> String {
        format!("套接字绑定到了端口 {port}：最大的那些号码也是普通的端口。")
    }

    fn sixteen_bits_cut(&self, asked: u32, became: u16) -> String {
        format!("{asked} 放不进 sin_port 的 16 位：只留下低 16 位，也就是 {became}。")
    }

    fn sixteen_bits_refused(&self, port: u16, errno: i32) -> String {
        format!("端口 {port} 不能作为目标：sendto 失败，{}。", Language::Chinese.errno(errno))
    }
}
