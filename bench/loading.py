"""Images a second of torchvision's ImageFolder in a DataLoader: the second epoch of DIR/train at a size, as bench/loading.ts runs it.

    python bench/loading.py DIR SIZE BATCH WORKERS
"""
import sys
import time

from torch.utils.data import DataLoader
from torchvision import datasets, transforms

folder, size, batch, workers = sys.argv[1], *map(int, sys.argv[2:5])


def main():
    if size > 64:
        changes = [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip()]
    else:
        changes = [transforms.RandomCrop(size, padding=4, padding_mode="reflect"), transforms.RandomHorizontalFlip()]
    changes += [transforms.ToTensor(), transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    images = datasets.ImageFolder(f"{folder}/train", transforms.Compose(changes))
    loader = DataLoader(images, batch, shuffle=True, num_workers=workers, drop_last=True, persistent_workers=True)
    for epoch in range(2):
        start, count = time.perf_counter(), 0
        for pixels, _ in loader:
            count += len(pixels)
        rate = count / (time.perf_counter() - start)
    print(f"{rate:.0f}")


if __name__ == "__main__":
    main()
