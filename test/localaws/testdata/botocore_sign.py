"""Signs the request that standard input describes with botocore and prints the headers it then has, as JSON."""
import base64
import json
import sys

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

given = json.load(sys.stdin)
request = AWSRequest(
    method=given["method"],
    url=given["url"],
    params=given["params"],
    data=base64.b64decode(given["body"]),
    headers=given["headers"],
)
SigV4Auth(Credentials(given["id"], given["secret"], given["token"]), given["service"], given["region"]).add_auth(request)
prepared = request.prepare()
json.dump({"url": prepared.url, "headers": {name: text if isinstance(text, str) else text.decode() for name, text in prepared.headers.items()}}, sys.stdout)
