"""An identity provider on loopback: OpenID Connect's code flow for one person who always agrees."""

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey


@dataclass(frozen=True)
class Provider:
    """Where it answers, and whom it knows as a client."""

    issuer: str
    client_id: str
    client_secret: str

    @property
    def metadata_url(self) -> str:
        """The document that says where everything is."""
        return f"{self.issuer}/.well-known/openid-configuration"


@contextmanager
def identity_provider(email: str) -> Iterator[Provider]:
    """Answer for a person with this address until the block is left."""
    key = RSAKey.generate_key(2048, parameters={"kid": "test", "use": "sig", "alg": "RS256"})
    nonces: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            match parts.path:
                case "/.well-known/openid-configuration":
                    self._tell(_metadata(issuer))
                case "/keys":
                    self._tell({"keys": [key.as_dict(private=False)]})
                case "/authorize":
                    code = secrets.token_urlsafe()
                    nonces[code] = asked.get("nonce", "")
                    answer = urlencode({"code": code, "state": asked["state"]})
                    self.send_response(302)
                    self.send_header("Location", f"{asked['redirect_uri']}?{answer}")
                    self.end_headers()
                case _:
                    self.send_error(404)

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            sent = {name: values[-1] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            now = int(time.time())
            claims = {
                "iss": issuer, "aud": "kapman", "sub": "1", "email": email, "email_verified": True,
                "nonce": nonces.pop(sent["code"]), "iat": now, "exp": now + 600,
            }  # fmt: skip
            token = jwt.encode({"alg": "RS256", "kid": "test"}, claims, key)
            self._tell({"access_token": "x", "token_type": "Bearer", "expires_in": 600, "id_token": token})

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def _tell(self, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Provider(issuer, "kapman", "a-client-secret")
    finally:
        server.shutdown()
        server.server_close()


def _metadata(issuer: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/keys",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
