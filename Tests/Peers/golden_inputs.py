"""What golden vectors are computed from: drawn pictures as files, and texts."""
import io

import numpy
from PIL import Image

TEXTS = [
    "a photo of a cat", "Two dogs play in the snow.", "3 < 5 &amp; \"quoted\" -- naïve café, 北京 🙂",
    "a man in a red shirt and blue jeans rides a bicycle down a narrow street past a row of parked cars while it rains "
    "and a woman with an umbrella waits for the bus beside a small shop that sells flowers, fruit, newspapers and coffee "
    "to people on their way to work early in the morning",
    "orange cat in the sun", "UPPER CASE and lower case", "an aerial photograph of a harbour at night", "a",
]


def picture_files(size, count, seed=20261122):
    """Pictures for a tower of `size` pixels, in turn as JPEG (4:2:0) and PNG, landscape and portrait.

    Twice the size and six pixels longer on one side: after scaling the short side, three pixels remain to be cropped, where the
    two ways of rounding differ. Smooth shapes under noise, so that every resampling kernel gives other values.
    """
    random = numpy.random.default_rng(seed)
    files = []
    for index in range(count):
        width, height = (2 * size + 6, 2 * size) if index % 2 == 0 else (2 * size, 2 * size + 6)
        coarse = random.integers(0, 256, (5, 5, 3), dtype=numpy.uint8)
        smooth = numpy.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), dtype=numpy.int32)
        noise = random.integers(-16, 17, (height // 3 + 1, width // 3 + 1, 1)).repeat(3, axis=0).repeat(3, axis=1)
        picture = Image.fromarray((smooth + noise[:height, :width]).clip(0, 255).astype(numpy.uint8))
        buffer = io.BytesIO()
        if index % 2 == 0:
            picture.save(buffer, "JPEG", quality=88, subsampling="4:2:0")
        else:
            picture.save(buffer, "PNG")
        files.append(buffer.getvalue())
    return files
