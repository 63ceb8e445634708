"""One live connection: transport, writer and keepalive, router, session. Below it only `wire`."""
