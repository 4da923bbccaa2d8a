"""What the program of a job does that knows TensorBoard only: event files among its artifacts and in its workspace."""

import os
import time

import numpy
from tensorboardX import SummaryWriter
from tensorboardX.event_file_writer import EventFileWriter
from tensorboardX.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2

writer = SummaryWriter("/artifacts/logs", flush_secs=1)
for step in range(1000):
    writer.add_scalar("loss", 1 / (step + 1), step)
writer.add_histogram("weights", numpy.arange(100), 1)
# Larger than what is read at a time.
writer.add_image("a/picture", numpy.random.rand(3, 600, 600), 1)
writer.add_text("said", "one *word*", 1)
writer.add_scalar("odd", float("nan"), 3)
writer.flush()
print("first part", flush=True)
while not os.path.exists("/storage/go-on"):
    time.sleep(0.1)
for step in range(1000, 2000):
    writer.add_scalar("loss", 1 / (step + 1), step)

# As TensorFlow 2 and Keras do: a scalar is a tensor, and each part of the training has a folder.
for part, value in (("train", 0.5), ("validation", 0.25)):
    keras = EventFileWriter("fit/" + part)
    tensor = tensor_pb2.TensorProto(
        dtype="DT_FLOAT", tensor_shape=tensor_shape_pb2.TensorShapeProto(), tensor_content=numpy.float32(value).tobytes()
    )
    values = [summary_pb2.Summary.Value(tag="epoch_loss", tensor=tensor)]
    keras.add_event(event_pb2.Event(wall_time=time.time(), step=1, summary=summary_pb2.Summary(value=values)))
    keras.close()
writer.close()
with open("/artifacts/logs/broken.tfevents.1", "wb") as file:
    file.write(b"this is no event file at all")
