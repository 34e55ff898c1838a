"""python-xmlsec verifies one signed file over and over: parse, signature, chain to the anchor. Runs in its own venv.

    python their_verifying.py LETTER ANCHOR

For every line with a number on standard input: that many verifications, and the nanoseconds of processor time of all
on standard output. The first line is what is installed.
"""

import sys
import time
from pathlib import Path

import xmlsec
from lxml import etree


def main() -> None:
    body = Path(sys.argv[1]).read_bytes()
    manager = xmlsec.KeysManager()
    manager.load_cert(sys.argv[2], xmlsec.constants.KeyDataFormatPem, xmlsec.constants.KeyDataTypeTrusted)
    versions = ".".join(map(str, etree.LIBXML_VERSION))
    print(f"python-xmlsec {xmlsec.__version__}, libxml2 {versions}", flush=True)
    for line in sys.stdin:
        began = time.process_time_ns()
        for _ in range(int(line)):
            root = etree.fromstring(body)
            signature = xmlsec.tree.find_node(root, xmlsec.constants.NodeSignature)
            xmlsec.SignatureContext(manager).verify(signature)  # raises where it does not hold
        print(time.process_time_ns() - began, flush=True)


main()
