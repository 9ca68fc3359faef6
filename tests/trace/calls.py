# One of each call that is traced, with its options and control messages; deterministic but for ports,
# pids and times.
import socket, struct, os, select, array, fcntl, termios
A=socket
s=socket.socket(A.AF_INET,A.SOCK_DGRAM)
s.bind(("127.0.0.1",0)); p=s.getsockname()
c=socket.socket(A.AF_INET,A.SOCK_DGRAM|A.SOCK_NONBLOCK,A.IPPROTO_UDP)
for l,o in [(1,2),(1,7),(1,8),(1,15),(1,3),(1,4),(0,8),(0,11),(0,12),(0,13),(0,2),(0,1),(0,10),(1,29),(1,35),(1,40),(17,104),(17,103),(1,20),(1,13),(1,25),(1,55),(1,57),(0,14),(1,39)]:
    for n in (4,):
        try: s.getsockopt(l,o,n)
        except OSError: pass
    try: s.getsockopt(l,o,64)
    except OSError: pass
for l,o,v in [(1,2,1),(1,7,70000),(0,8,1),(0,11,1),(0,12,1),(0,13,1),(1,29,1),(1,40,1),(17,104,1),(17,103,0),(0,1,0x10),(0,10,2),(1,12,3),(1,15,1),(0,20,1),(0,24,0)]:
    try: s.setsockopt(l,o,v)
    except OSError: pass
s.setsockopt(1,20,struct.pack('ll',1,500000))
s.setsockopt(1,13,struct.pack('ii',1,5))
s.setsockopt(0,35,struct.pack('=4s4si',socket.inet_aton('239.1.2.3'),socket.inet_aton('127.0.0.1'),1)) if 0 else None
try: s.setsockopt(0,35,socket.inet_aton('239.1.2.3')+socket.inet_aton('127.0.0.1'))
except OSError: pass
try: s.setsockopt(1,25,b"lo\0")
except OSError: pass
c.connect(p)
c.getpeername()
c.send(b"hello\n\x00\x01\xff\"q\\1"); print(s.recvmsg(100,1000))
c.sendmsg([b"abc",b"def"],[(17,103,struct.pack('H',3)),(0,8,struct.pack('iii',0,0x100007f,0)),(0,1,b'\x10\0\0\0'),(0,2,struct.pack('i',9))]); print(s.recvmsg(100,1000,0))
c.sendto(b"x"*100,A.MSG_CONFIRM|A.MSG_DONTWAIT,p); s.recvfrom(50,A.MSG_TRUNC|A.MSG_PEEK); s.recvmsg_into([bytearray(10),bytearray(10)])
try: c.recv(10)
except OSError: pass
b=socket.socket(A.AF_INET,A.SOCK_DGRAM); b.setsockopt(0,11,1); b.setsockopt(1,35,1); b.sendto(b"zz",("127.0.0.1",9))
try: print(b.recvmsg(100,1000,A.MSG_ERRQUEUE))
except OSError as e: print(e)
b.connect(("127.0.0.1",9)); 
try: b.send(b""); b.send(b"2")
except OSError as e: print(e)
r,w,x=select.select([s,b],[c],[s],0.01)
select.select([s],[],[],0)
po=select.poll(); po.register(s,select.POLLIN|select.POLLPRI); po.register(c,select.POLLOUT); po.poll(10)
po.unregister(c); po.poll(5); po.poll(0)
ep=select.epoll(); ep.register(s,select.EPOLLIN|select.EPOLLET); ep.register(c,select.EPOLLOUT); ep.poll(0.01); ep.modify(c,0); ep.poll(0); ep.unregister(c)
d=os.dup(s.fileno()); os.dup2(s.fileno(),40); fcntl.fcntl(s,fcntl.F_DUPFD,50); fcntl.fcntl(s,fcntl.F_GETFL); fcntl.fcntl(s,fcntl.F_SETFL,os.O_NONBLOCK|2); fcntl.fcntl(s,fcntl.F_GETFD); fcntl.fcntl(s,fcntl.F_SETFD,1)
bb=array.array('i',[0]); fcntl.ioctl(s,termios.FIONREAD,bb); fcntl.ioctl(s,0x5411,bb); s.setblocking(False);
os.write(c.fileno(),b"written"); os.read(s.fileno(),10); os.writev(c.fileno(),[b"a",b"bc"]); os.readv(s.fileno(),[bytearray(2),bytearray(3)])
try: os.read(s.fileno(),10)
except OSError: pass
s.close(); os.close(40); c.shutdown(2)
s6=socket.socket(A.AF_INET6,A.SOCK_DGRAM); s6.setsockopt(41,26,1);s6.bind(("::1",0)); q=s6.getsockname(); s6.setsockopt(41,49,1); s6.setsockopt(41,66,1); s6.setsockopt(41,51,1);s6.setsockopt(41,25,1);s6.setsockopt(41,67,4)
s6.sendto(b"six",q); print(s6.recvmsg(10,500)); s6.sendto(b"six",("::1",q[1],5,1)); s6.recvfrom(2)
s6.sendto(b"e",("::1",9))
try: print(s6.recvmsg(10,500,A.MSG_ERRQUEUE))
except OSError as e: print(e)
try: socket.socket(A.AF_INET,A.SOCK_DGRAM).bind(("127.0.0.1",q[1])); socket.socket(A.AF_INET6,A.SOCK_DGRAM).bind(("::1",q[1]))
except OSError: pass
u,v=socket.socketpair(); u.send(b"hi"); v.recv(9); socket.send_fds(u,[b"f"],[1,2]); socket.recv_fds(v,10,5)
t=socket.socket(); t.bind(("127.0.0.1",0)); t.listen(5); k=socket.create_connection(t.getsockname()); a=t.accept(); k.send(b"tcp"); a[0].recv(3); k.close()
n=socket.socket(A.AF_NETLINK,A.SOCK_RAW,0); n.bind((0,0)); n.getsockname()
un=socket.socket(A.AF_UNIX,A.SOCK_DGRAM)
try: un.connect("/nonexist/x")
except OSError: pass
try: un.connect("\0abs")
except OSError: pass
try: socket.socket(A.AF_INET,99)
except OSError: pass
try: socket.socket(A.AF_INET,2,99)
except OSError: pass
# Calls that move bytes past the program or at an offset, epoll in its other forms, and io_uring.
import ctypes
libc=ctypes.CDLL(None,use_errno=True)
call=libc.syscall
f=os.open("/etc/hostname",os.O_RDONLY)
x,y=socket.socketpair(A.AF_UNIX,A.SOCK_DGRAM)
os.sendfile(x.fileno(),f,None,1); os.sendfile(x.fileno(),f,0,2); y.recv(9); y.recv(9)
pr,pw=os.pipe(); os.write(pw,b"piped"); os.splice(pr,x.fileno(),3); os.splice(y.fileno(),pw,3)
try: os.splice(pr,x.fileno(),3,offset_dst=7)
except OSError: pass
os.pwritev(x.fileno(),[b"ab",b"c"],-1); os.preadv(y.fileno(),[bytearray(2),bytearray(2)],-1,os.RWF_NOWAIT)
for n,w in (("preadv",os.preadv),("pwritev",os.pwritev)):
    try: w(x.fileno(),[bytearray(2)],5)
    except OSError: pass
try: os.preadv(y.fileno(),[bytearray(2)],-1,os.RWF_NOWAIT)
except OSError: pass
eight=ctypes.create_string_buffer(8); two=(ctypes.c_ulong*2)(ctypes.addressof(eight),4)
call(ctypes.c_long(296 if os.uname().machine=="x86_64" else 70),x.fileno(),two,ctypes.c_long(1),ctypes.c_long(0),ctypes.c_long(0))
y.setblocking(False)
try: os.readv(y.fileno(),[bytearray(2),bytearray(3)])
except OSError: pass
e=select.epoll(); e2=select.epoll(flags=select.EPOLL_CLOEXEC)
if os.uname().machine=="x86_64": call(ctypes.c_long(213),8)
e.register(x.fileno(),select.EPOLLOUT)
ev=ctypes.create_string_buffer(64); ts=(ctypes.c_long*2)(0,1000)
call(ctypes.c_long(441),e.fileno(),ev,4,ts,None,ctypes.c_long(8))
e.modify(x.fileno(),0); call(ctypes.c_long(441),e.fileno(),ev,4,ts,None,ctypes.c_long(8))
u=call(ctypes.c_long(425),2,ctypes.create_string_buffer(120))
call(ctypes.c_long(426),u,0,0,1,None,ctypes.c_long(8)); call(ctypes.c_long(427),u,1,None,0); call(ctypes.c_long(427),u,77,None,0)
