"""How gunicorn serves the project. Each value can be set by the variable that stands beside it.

gunicorn itself reads two more: WEB_CONCURRENCY, the number of worker processes (1 unless set), and
FORWARDED_ALLOW_IPS, the addresses of the proxies whose X-Forwarded-Proto is believed.
"""

import os

bind = os.environ.get("GUNICORN_BIND", "127.0.0.1:8000")

# Threads, because a sync worker drops the requests in its queue when it is told to stop.
worker_class = "gthread"
threads = int(os.environ.get("GUNICORN_THREADS", "4"))

# Seconds: a worker that is silent for longer is replaced; requests in flight may take this long.
timeout = int(os.environ.get("GUNICORN_TIMEOUT", "30"))
graceful_timeout = int(os.environ.get("GUNICORN_GRACEFUL_TIMEOUT", "30"))

# A worker is renewed now and then, not all at once, so that no leak grows for long.
max_requests = int(os.environ.get("GUNICORN_MAX_REQUESTS", "10000"))
max_requests_jitter = max_requests // 10

# Lines for each access, where --access-logfile asks for them, end with the id of the request.
access_log_format = '%(h)s %(t)s "%(r)s" %(s)s %(b)s %(M)sms %({x-request-id}o)s'

# No socket for remote control: it would be written to the home folder of the server's user.
control_socket_disable = True
