//! The services of a machine without a services file: those of the textbook, and the most common ones.
//! The numbers are IANA's (Service Name and Transport Protocol Port Number Registry); aliases that are
//! customary rather than registered are the usual ones of Linux.

/// A services file, read by the same parser as any other.
pub(super) const TEXT: &str = "\
echo            7/tcp
echo            7/udp
discard         9/tcp           sink null
discard         9/udp           sink null
daytime         13/tcp
daytime         13/udp
qotd            17/udp          quote
chargen         19/tcp          ttytst source
chargen         19/udp          ttytst source
ftp-data        20/tcp                          # File Transfer Protocol, data
ftp             21/tcp                          # File Transfer Protocol
ssh             22/tcp                          # Secure Shell
telnet          23/tcp
smtp            25/tcp          mail            # Simple Mail Transfer Protocol
time            37/tcp          timserver
time            37/udp          timserver
whois           43/tcp          nicname
domain          53/tcp                          # Domain Name System
domain          53/udp
bootps          67/udp                          # DHCP and BOOTP, server
bootpc          68/udp                          # DHCP and BOOTP, client
tftp            69/udp                          # Trivial File Transfer Protocol
http            80/tcp          www             # World Wide Web
kerberos        88/tcp          kerberos5 krb5
kerberos        88/udp          kerberos5 krb5
pop3            110/tcp         pop-3           # Post Office Protocol
sunrpc          111/tcp         portmapper
sunrpc          111/udp         portmapper
nntp            119/tcp                         # Network News Transfer Protocol
ntp             123/udp                         # Network Time Protocol
netbios-ns      137/udp                         # NetBIOS names
netbios-dgm     138/udp                         # NetBIOS datagrams
netbios-ssn     139/tcp                         # NetBIOS sessions
imap2           143/tcp         imap            # Internet Message Access Protocol
snmp            161/tcp                         # Simple Network Management Protocol
snmp            161/udp
snmp-trap       162/udp         snmptrap
bgp             179/tcp                         # Border Gateway Protocol
ptp-event       319/udp                         # Precision Time Protocol
ptp-general     320/udp
ldap            389/tcp
https           443/tcp                         # HTTP over TLS
https           443/udp                         # HTTP/3 over QUIC
microsoft-ds    445/tcp                         # SMB
submissions     465/tcp         smtps           # mail submission over TLS
isakmp          500/udp                         # IPsec key exchange
syslog          514/udp
route           520/udp         router          # Routing Information Protocol
dhcpv6-client   546/udp
dhcpv6-server   547/udp
rtsp            554/tcp                         # Real Time Streaming Protocol
submission      587/tcp                         # mail submission
ipp             631/tcp                         # Internet Printing Protocol
ldaps           636/tcp
domain-s        853/tcp                         # DNS over TLS
domain-s        853/udp                         # DNS over QUIC or DTLS
rsync           873/tcp
imaps           993/tcp                         # IMAP over TLS
pop3s           995/tcp                         # POP3 over TLS
socks           1080/tcp                        # SOCKS proxy
openvpn         1194/tcp
openvpn         1194/udp
l2f             1701/udp        l2tp            # Layer 2 Tunneling Protocol
ssdp            1900/udp                        # Simple Service Discovery Protocol
radius          1812/udp
radius-acct     1813/udp        radacct
nfs             2049/tcp                        # Network File System
nfs             2049/udp
mysql           3306/tcp
ms-wbt-server   3389/tcp        rdp             # Remote Desktop
stun            3478/tcp                        # STUN and TURN
stun            3478/udp
ipsec-nat-t     4500/udp                        # IPsec through NAT
vxlan           4789/udp                        # Virtual eXtensible LAN
sip             5060/tcp                        # Session Initiation Protocol
sip             5060/udp
sip-tls         5061/tcp
xmpp-client     5222/tcp
mdns            5353/udp                        # Multicast DNS
llmnr           5355/udp                        # Link-Local Multicast Name Resolution
postgresql      5432/tcp        postgres
coap            5683/udp                        # Constrained Application Protocol
amqp            5672/tcp
x11             6000/tcp
geneve          6081/udp                        # network virtualization
redis           6379/tcp
http-alt        8080/tcp        webcache
git             9418/tcp
";

#[cfg(test)]
mod tests {
    use super::super::check::check;
    use super::super::parse::entries;
    use super::TEXT;

    #[test]
    fn its_own_check_finds_nothing() {
        let findings: Vec<_> = check(TEXT.as_bytes()).map(|it| it.to_string()).collect();
        assert_eq!(findings, [""; 0]);
        assert_eq!(entries(TEXT.as_bytes()).count(), TEXT.lines().count());
    }
}
