"""idpyoidc (OpenID Certified) on a free port of 127.0.0.1, for tests.

The first line of its output is the address. What signs in is the library's own; here are its configuration, one page for a
user, and the way from HTTP to its endpoints. `/tests/counts` tells how often each grant was answered, and
`/tests/active?token=…` whether it knows a token. It ends with its standard input.
"""

import json
import logging
import os
import sys
import tempfile
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from idpyoidc.message.oauth2 import ResponseMessage
from idpyoidc.message.oidc import AccessTokenRequest, AuthorizationRequest
from idpyoidc.server import Server
from idpyoidc.server.authz import AuthzHandling
from idpyoidc.server.client_authn import verify_client
from idpyoidc.server.configure import OPConfiguration
from idpyoidc.server.cookie_handler import CookieHandler
from idpyoidc.server.oidc.token import Token
from idpyoidc.server.user_authn.authn_context import INTERNETPROTOCOLPASSWORD
from idpyoidc.server.user_info import UserInfo

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

HOME = tempfile.mkdtemp(prefix="maestro-idpyoidc-")
PAGE = """<form action="{{ action }}" method="post">
<input type="hidden" name="token" value="{{ token }}">
<input type="text" name="username"><input type="password" name="password">
</form>"""
PATHS = {
    "/.well-known/openid-configuration": "provider_config",
    "/authorization": "authorization",
    "/token": "token",
    "/revocation": "token_revocation",
}
COUNTS = {}


def configuration(issuer):
    proofs = ["client_secret_basic", "client_secret_post"]
    jwt = {"class": "idpyoidc.server.token.jwt_token.JWTToken", "kwargs": {"lifetime": 3600}}
    with open(os.path.join(HOME, "login.jinja2"), "w") as file:
        file.write(PAGE)
    with open(os.path.join(HOME, "users.json"), "w") as file:
        json.dump({"alice": "wonderland"}, file)
    return {
        "issuer": issuer,
        "httpc_params": {"verify": False, "timeout": 1},
        "preference": {
            "subject_types_supported": ["public"],
            "grant_types_supported": [
                "authorization_code",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ],
        },
        "cookie_handler": {
            "class": CookieHandler,
            "kwargs": {
                "keys": {
                    "key_defs": [
                        {"type": "oct", "kid": "sig", "use": ["sig"]},
                        {"type": "oct", "kid": "enc", "use": ["enc"]},
                    ]
                }
            },
        },
        "keys": {
            "uri_path": "jwks.json",
            "key_defs": [
                {"type": "RSA", "key": "", "use": ["sig"]},
                {"type": "EC", "crv": "P-256", "use": ["sig"]},
            ],
        },
        "endpoint": {
            "provider_info": {
                "path": ".well-known/openid-configuration",
                "class": "idpyoidc.server.oidc.provider_config.ProviderConfiguration",
                "kwargs": {"client_authn_method": None},
            },
            "authorization": {
                "path": "authorization",
                "class": "idpyoidc.server.oidc.authorization.Authorization",
                "kwargs": {"client_authn_method": None, "response_types_supported": ["code"]},
            },
            "token": {
                "path": "token",
                "class": "idpyoidc.server.oidc.token.Token",
                "kwargs": {"client_authn_method": proofs},
            },
            "token_revocation": {
                "path": "revocation",
                "class": "idpyoidc.server.oauth2.token_revocation.TokenRevocation",
                "kwargs": {"client_authn_method": proofs},
            },
        },
        "add_on": {
            "pkce": {
                "function": "idpyoidc.server.oauth2.add_on.pkce.add_support",
                "kwargs": {"essential": True, "code_challenge_method": "S256"},
            }
        },
        "authentication": {
            "user": {
                "acr": INTERNETPROTOCOLPASSWORD,
                "class": "idpyoidc.server.user_authn.user.UserPassJinja2",
                "kwargs": {
                    "verify_endpoint": "/verify",
                    "template": "login.jinja2",
                    "db": {
                        "class": "idpyoidc.server.util.JSONDictDB",
                        "kwargs": {"filename": os.path.join(HOME, "users.json")},
                    },
                },
            }
        },
        "userinfo": {"class": UserInfo, "kwargs": {"db": {"alice": {}}}},
        "client_authn": verify_client,
        "template_dir": HOME,
        "authz": {
            "class": AuthzHandling,
            "kwargs": {
                "grant_config": {
                    "usage_rules": {
                        "authorization_code": {
                            "supports_minting": ["access_token", "refresh_token", "id_token"],
                            "max_usage": 1,
                        },
                        "access_token": {"supports_minting": ["access_token"], "expires_in": 3600},
                        "refresh_token": {
                            "supports_minting": ["access_token", "refresh_token", "id_token"],
                            "expires_in": 43200,
                        },
                    },
                    "expires_in": 43200,
                }
            },
        },
        "token_handler_args": {
            "key_conf": {
                "key_defs": [
                    {"type": "oct", "bytes": "24", "use": ["enc"], "kid": "code"},
                    {"type": "oct", "bytes": "24", "use": ["enc"], "kid": "refresh"},
                ]
            },
            "code": {"lifetime": 60, "kwargs": {"lifetime": 60}},
            "token": jwt,
            "refresh": jwt,
            "id_token": {"class": "idpyoidc.server.token.id_token.IDToken", "kwargs": {}},
        },
    }


def start(issuer):
    server = Server(OPConfiguration(conf=configuration(issuer), base_path=HOME), cwd=HOME)
    context = server.context
    context.map_supported_to_preferred()
    for method in ["basic", "post"]:
        context.cdb[method] = {
            "client_secret": f"the-secret-of-{method}",
            "redirect_uris": [("http://127.0.0.1:14550/callback", None)],
            "client_salt": "salted",
            # A refresh token dies with its use.
            "revoke_refresh_on_issue": True,
            "token_endpoint_auth_method": f"client_secret_{method}",
            "response_types_supported": ["code"],
            "grant_types_supported": [
                "authorization_code",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ],
            "allowed_scopes": ["openid", "offline_access"],
        }
    return server


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    server_of_tokens = None

    def do_GET(self):
        self.handle_request(dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        self.handle_request(dict(parse_qsl(body)))

    def handle_request(self, arguments):
        path = urlsplit(self.path).path
        with self.lock:
            if path == "/tests/counts":
                self.reply(200, json.dumps(COUNTS))
            elif path == "/tests/active":
                self.reply(200, json.dumps({"active": self.is_active(arguments["token"])}))
            elif path == "/verify":
                self.verify(arguments)
            elif path in PATHS:
                self.ask(self.server_of_tokens.get_endpoint(PATHS[path]), arguments)
            else:
                self.reply(404, "")

    def is_active(self, token):
        manager = self.server_of_tokens.context.session_manager
        try:
            info = manager.get_session_info_by_token(token, grant=True)
            return manager.find_token(info["branch_id"], token).is_active()
        except Exception:
            return False

    def verify(self, arguments):
        method = self.server_of_tokens.context.authn_broker.get_method_by_id("user")
        username = method.verify(**arguments)
        session = method.unpack_token(arguments["token"])
        request = AuthorizationRequest().from_urlencoded(session["query"])
        endpoint = self.server_of_tokens.get_endpoint("authorization")
        session_id = endpoint.create_session(
            request, username, session["authn_class_ref"], session["iat"], method
        )
        self.tell(endpoint, request, endpoint.authz_part2(request=request, session_id=session_id))

    def ask(self, endpoint, arguments):
        info = {
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "method": self.command,
            "url": Handler.issuer + self.path,
            "cookie": [],
        }
        grant = arguments.get("grant_type", endpoint.name).split(":")[-1]
        try:
            request = endpoint.parse_request(arguments, http_info=info)
            if isinstance(request, ResponseMessage) and "error" in request:
                answer = request
            elif isinstance(endpoint, Token):
                if not isinstance(request, AccessTokenRequest) and grant == "authorization_code":
                    request = AccessTokenRequest(**request)
                answer = endpoint.process_request(request, http_info=info)
            else:
                answer = endpoint.process_request(request, http_info=info)
        except Exception as error:
            # The library raises for a client that does not prove itself.
            refused = "Client" in type(error).__name__
            code, status = ("invalid_client", 401) if refused else ("invalid_request", 400)
            answer = {"error": code, "error_description": type(error).__name__, "status": status}
        counted = f"{grant} {answer.get('error', 'ok')}"
        COUNTS[counted] = COUNTS.get(counted, 0) + 1
        if "error" in answer:
            told = {name: answer[name] for name in ("error", "error_description") if name in answer}
            self.reply(answer.get("status", 400), json.dumps(told))
        else:
            self.tell(endpoint, request, answer)

    def tell(self, endpoint, request, answer):
        if "http_response" in answer:
            return self.reply(200, answer["http_response"], kind="text/html")
        if "redirect_location" in answer:
            return self.reply(303, "", location=answer["redirect_location"])
        info = endpoint.do_response(request=request, **answer)
        placement = info.get("response_placement", endpoint.response_placement)
        if placement == "body":
            self.reply(info.get("response_code", 200), info["response"])
        else:
            self.reply(303, "", location=info["response"])

    def reply(self, status, body, kind="application/json", location=None):
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.send_header("connection", "close")
        if location:
            self.send_header("location", location)
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True

    def log_message(self, *_):
        pass


httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
Handler.issuer = f"http://127.0.0.1:{httpd.server_port}"
Handler.server_of_tokens = start(Handler.issuer)
threading.Thread(target=httpd.serve_forever, daemon=True).start()
print(Handler.issuer, flush=True)
sys.stdin.read()
