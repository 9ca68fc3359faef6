//! The chapter "Ports" in Chinese.

use std::net::SocketAddr;

use udpraw::language::Language;

use super::Chinese;
use crate::cli::learn::text::{Ports, Words};

#[rustfmt::skip]
impl Ports for Chinese {
    fn convention(&self) -> Words {
        Words {
            title: "按惯例：/etc/services",
            claim: "IANA 为许多服务分配了知名端口；Linux 把它们列在 /etc/services 里。",
            question: "访问域名服务器要用端口 53。这是谁决定的？",
            choices: ["域名服务器所在的主机", "每台主机都知道的惯例", "客户端"],
            attempt: "查询一个服务",
        }
    }

    fn convention_entry(&self, name: &str, port: u16, file: &str) -> String {
        format!("在 {file} 里，{name} 的端口是 {port}/udp。")
    }

    fn convention_ranges(&self, well_known: u16, registered: u16) -> String {
        format!("不超过 {well_known} 的是知名端口，不超过 {registered} 的是注册端口，其余的谁都可以用。")
    }

    fn convention_privilege(&self, first_free: u16) -> String {
        format!("在这台机器上，没有特权的程序可以绑定端口 {first_free} 及以上。")
    }

    fn automatic(&self) -> Words {
        Words {
            title: "按自动配置",
            claim: "DHCP 告诉机器域名服务器的 IP 地址；再加上知名端口，就是完整的端点。",
            question: "DHCP 给了域名服务器的 IP 地址，但没有给端口。程序怎么知道端口？",
            choices: ["再问一次 DHCP", "逐个端口去试", "它知道知名端口 53"],
            attempt: "询问本机自己的域名服务器",
        }
    }

    fn automatic_resolver(&self, server: SocketAddr, file: &str) -> String {
        format!("{file} 里写着域名服务器 {}：通常是自动配置写进去的。", server.ip())
    }

    fn automatic_no_resolver(&self, server: SocketAddr, file: &str) -> String {
        format!("{file} 里没有域名服务器。这时 C 库会询问 {}（见 resolv.conf(5)）。", server.ip())
    }

    fn automatic_endpoint(&self, server: SocketAddr) -> String {
        format!("它的 IP 地址加上知名端口，就是端点 {server}。套接字已连接到它；连接并不发送任何东西。")
    }

    fn automatic_no_route(&self, server: SocketAddr, errno: i32) -> String {
        format!("端点是 {server}。这台机器现在没有去那里的路由：{}。", Language::Chinese.errno(errno))
    }

    fn by_hand(&self) -> Words {
        Words {
            title: "手动配置与名字",
            claim: "管理员可以手动指定端口；名字代表号码。",
            question: "客户端向 localhost 发送。内核在 sendto 里看到什么？",
            choices: ["名字 localhost", "只有数字：IP 地址和端口", "两者都有"],
            attempt: "手动指定一个端口",
        }
    }

    fn by_hand_agreed(&self, port: u16) -> String {
        format!("服务器和客户端都被告知了端口 {port}：别人不必知道它。")
    }

    fn by_hand_arrived(&self, port: u16, text: &str) -> String {
        format!("“{text}”到达了端口 {port}。")
    }

    fn by_hand_name(&self, name: &str, port: u16) -> String {
        format!("名字 {name} 在调用之前就解析成了地址；内核看到的只有 127.0.0.1 和 {port}。")
    }
}
