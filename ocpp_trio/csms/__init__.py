"""The CSMS's end: listen, agree on identity and version, and keep one session per charge point."""
