"""The sandbox: everything that a trial needs and production must not have.

In charge of: a throw-away PKI, agencies and letters to play with, simulated document systems, the demo.
Comes in: a seed, a data directory, an address. Goes out: certificates, profiles, real traffic over HTTP.
Its certificates, secrets and passwords are worth nothing; its traffic goes through the same door as everybody's.
"""
