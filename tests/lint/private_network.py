"""A network of one's own for checks that run commands as people type them.

enter() starts the program again in fresh namespaces (as root or, where the kernel lets users make
namespaces, as anyone): loopback alone is up, and HOSTS are the only names. Servers can listen on
port 80 of www.example.org, nothing leaves the machine, and all processes end with the check.
"""

import os
import pathlib
import shutil
import socket
import socketserver
import struct
import subprocess
import sys
import threading

INSIDE = "IOA_PRIVATE_NETWORK"

# Addresses and names that are kept for documentation: RFC 5737, RFC 3849, RFC 2606.
HOSTS = {
    "www.example.org": ["2001:db8::80", "192.0.2.80"],
    "mail.example.org": ["192.0.2.25"],
    "db.example.org": ["192.0.2.54"],
    "backup.example.org": ["2001:db8::90", "192.0.2.90"],
    "ns.example.org": ["192.0.2.53"],
}
NAME_SERVER = "192.0.2.53"


def enter():
    """Returns inside the namespaces; the process that called is replaced."""
    if INSIDE in os.environ:
        _set_up()
        return
    for tool in ("unshare", "ip", "mount"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is not installed")
    reasons = []
    for user in (["--user", "--map-root-user"], []):
        options = [*user, "--net", "--mount", "--pid", "--fork", "--kill-child"]
        probe = subprocess.run(["unshare", *options, "true"], capture_output=True, text=True)
        if probe.returncode == 0:
            os.environ[INSIDE] = "1"
            os.execvp("unshare", ["unshare", *options, sys.executable, *sys.argv])
        reasons.append(probe.stderr.strip())
    sys.exit(f"no namespaces can be made here: {'; '.join(reasons)}")


def _set_up():
    _run("mount", "-t", "proc", "proc", "/proc")  # of the new processes
    # Sockets of name service daemons lie there, and would answer for the network outside.
    _run("mount", "-t", "tmpfs", "tmpfs", "/run")
    folder = pathlib.Path("/run")
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    _run("ip", "link", "set", "lo", "up")
    for name, addresses in HOSTS.items():
        for address in addresses:
            lines.append(f"{address} {name}")
            # "nodad": an address is usable at once.
            v6 = ":" in address
            _run("ip", "addr", "add", f"{address}/{128 if v6 else 32}", "dev", "lo",
                 *(["nodad"] if v6 else []))
    _replace("/etc/hosts", "\n".join(lines) + "\n", folder)
    _replace("/etc/nsswitch.conf", "hosts: files\nservices: files\npasswd: files\n", folder)
    _replace("/etc/resolv.conf", f"nameserver {NAME_SERVER}\n", folder)


def _run(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}: {result.stderr.strip()}")


def _replace(path, text, folder):
    copy = folder / pathlib.Path(path).name
    copy.write_text(text)
    _run("mount", "--bind", str(copy), path)


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def serve(place, handle):
    """Has `handle(connection)` called, in a thread, for each connection to `place`.

    `place` is (name, port), at each of the name's addresses, or the path of a Unix socket.
    """
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            try:
                handle(self.request)
            except OSError:
                pass  # the client left

    if isinstance(place, str):
        servers = [_UnixServer(place, Handler)]
    else:
        name, port = place
        addresses = HOSTS.get(name) or ["127.0.0.1", "::1"]
        servers = [(_Server6 if ":" in address else _Server)((address, port), Handler)
                   for address in addresses]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()


def serve_mail_exchange(host, preference=10, ttl_s=3600):
    """Has NAME_SERVER answer every question for MX records (RFC 1035 s3.3.9) with `host`."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((NAME_SERVER, 53))
    data = struct.pack(">H", preference)
    data += b"".join(bytes([len(label)]) + label.encode() for label in host.split(".")) + b"\0"
    record = struct.pack(">HHHIH", 0xc00c, 15, 1, ttl_s, len(data)) + data

    def answer():
        while True:
            query, client = server.recvfrom(4096)
            question = query[12:query.index(b"\0", 12) + 5]
            is_mx = question.endswith(b"\0\x0f\0\x01")
            header = struct.pack(">HHHHH", 0x8180, 1, int(is_mx), 0, 0)
            server.sendto(query[:2] + header + question + (record if is_mx else b""), client)

    threading.Thread(target=answer, daemon=True).start()


def http(body):
    """A handler that answers any request with `body`."""
    def handle(connection):
        request = b""
        while b"\r\n\r\n" not in request:
            received = connection.recv(65536)
            if not received:
                return
            request += received
        head = f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
    return handle


def swallow(connection):
    """A handler that reads to the end and says nothing."""
    while connection.recv(65536):
        pass


def say(text):
    """A handler that says `text`, then reads to the end."""
    def handle(connection):
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        swallow(connection)
    return handle
