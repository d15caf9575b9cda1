# SPDX-License-Identifier: Apache-2.0
"""Named files over HTTP, to this machine alone, in ranges: Studio reads a recording by those."""
import contextlib
import http.server
import mimetypes
import re
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.server.find(self.path.partition("?")[0])
        if path is None or not path.is_file():
            self.send_error(404)
            return
        size = path.stat().st_size
        first, last = 0, size - 1
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted:
            first = int(wanted[1])
            last = min(int(wanted[2] or last), last)
            if first > last:
                self.send_error(416)
                return
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("Content-Type",
                         mimetypes.guess_type(path)[0] or "application/octet-stream")
        self.end_headers()
        # Studio asks for all of a file to learn its size, and goes away.
        with path.open("rb") as file, contextlib.suppress(ConnectionError):
            file.seek(first)
            self.wfile.write(file.read(last - first + 1))

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(find):
    """The address of a server that has what `find` makes a file of from a path, for the block."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.find = find
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
