"""OCPP-J as values and tables: frames, messages, codec, correlation. Neither trio nor I/O."""
