"""Fits a line on several nodes with PyTorch, started by torchrun or by itself."""

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

dist.init_process_group("gloo")
rank = dist.get_rank()
torch.manual_seed(rank)
x = torch.rand(256, 1)
y = 3 * x + 1

model = DistributedDataParallel(torch.nn.Linear(1, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
for step in range(60):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    if rank == 0 and step % 20 == 19:
        print("step", step + 1, "loss", loss.item())

weights = [round(weight.item(), 3) for weight in model.parameters()]
print("node", rank, "of", dist.get_world_size(), "has", weights)
