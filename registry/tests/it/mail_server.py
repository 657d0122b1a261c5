"""A mail server for tests: aiosmtpd on a free port of 127.0.0.1.

It writes its port, then each mail as a line of JSON (null for one that it sent
away), to standard output, and ends when its standard input does.
"""

import argparse
import asyncio
import email
import email.policy
import json
import os
import ssl
import sys
import threading

try:
    from aiosmtpd.smtp import SMTP, AuthResult
except ImportError:
    sys.exit(3)

# How long a slow server thinks about a mail, in seconds.
SLOW = 0.5


def say(value):
    print(json.dumps(value), flush=True)


class Handler:
    """Treats mails in one manner."""

    def __init__(self, options):
        self.options = options

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        if self.options.manner == "hangs":
            await asyncio.Event().wait()
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.options.manner == "later":
            self.options.manner = "takes"
            say(None)
            return "451 come again"
        if self.options.manner == "refuses":
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.options.manner == "slow":
            await asyncio.sleep(SLOW)
        message = email.message_from_bytes(
            envelope.content, policy=email.policy.default
        )
        say(
            {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "content": message.get_content(),
                "user": session.auth_data and session.auth_data.login.decode(),
            }
        )
        return "250 OK"


def protocol(options, tls):
    """How one connection is spoken with."""

    def authenticate(server, session, envelope, mechanism, data):
        right = data.login == b"registry" and data.password == options.password.encode()
        return AuthResult(success=right, auth_data=data)

    starttls = options.tls == "starttls"
    return SMTP(
        Handler(options),
        hostname="mail.test",
        tls_context=tls if starttls else None,
        require_starttls=starttls,
        authenticator=authenticate,
        auth_required=options.password is not None,
        # Around all of a connection, aiosmtpd does not see the TLS.
        auth_require_tls=starttls,
    )


async def serve(options):
    tls = None
    if options.tls != "none":
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.cert, options.key)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: protocol(options, tls),
        "127.0.0.1",
        0,
        ssl=tls if options.tls == "tls" else None,
    )
    say(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def end_with_input():
    sys.stdin.read()
    os._exit(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("manner", choices=["takes", "slow", "later", "refuses", "hangs"])
    parser.add_argument("--tls", choices=["none", "starttls", "tls"], default="none")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--password", help="of the user 'registry'")
    options = parser.parse_args()
    threading.Thread(target=end_with_input, daemon=True).start()
    asyncio.run(serve(options))


main()
