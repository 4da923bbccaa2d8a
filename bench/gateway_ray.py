"""Ray Serve with one replica that answers twelve bytes, for gateway.ts; writes a line when it is ready."""

import sys
import time

import ray
from ray import serve
from starlette.responses import PlainTextResponse


@serve.deployment(num_replicas=1, max_ongoing_requests=100, ray_actor_options={"num_cpus": 0.1})
class Hello:
    async def __call__(self, _request):
        return PlainTextResponse("hello, world")


ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])}, logging_config={"enable_access_log": False})
serve.run(Hello.bind(), name="hello", route_prefix="/")
print("ready", flush=True)
while True:
    time.sleep(60)
