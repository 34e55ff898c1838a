"""Alerts: people are told of trouble before others find it.

In charge of: which troubles there are, when one begins and ends, who has to be told how often, and in which words.
Comes in: what the ledger and a few probes show, and people who take note. Goes out: alerts in the ledger, entries in
the exchange log, and notices that the adapters bring by mail and webhook.
A trouble is one alert for as long as it lasts; notices are an outbox, so that none is lost when a process dies.
"""
