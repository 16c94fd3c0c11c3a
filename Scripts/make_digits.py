#!/usr/bin/env python3
"""Writes the handwritten-digits data set as C source for the CDigitsData target.

The data comes from scikit-learn's `load_digits`: 1797 images of 8x8 pixels, 0..16, with labels
0..9. The result depends on nothing but the data, so running the script twice gives the same bytes.

  python3 Scripts/make_digits.py
"""

import argparse
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
TARGET = HERE.parent / 'Sources' / 'CDigitsData'
COUNT, SIDE, CLASSES, MAXIMUM = 1797, 8, 10, 16
WIDTH = 100  # characters per line of the generated C

ATTRIBUTION = """\
// The handwritten digits that the examples and tests learn from.
//
// E. Alpaydin, C. Kaynak: "Optical Recognition of Handwritten Digits", 1998,
// UCI Machine Learning Repository, https://doi.org/10.24432/C50P49,
// licensed under CC BY 4.0, https://creativecommons.org/licenses/by/4.0/.
//
// These are the 1797 images of the test part, in the order in which scikit-learn ships them; their
// values are unchanged, only the file format is new. 13 people, none of whom wrote digits of the
// training part, filled in forms; each scanned digit was normalised to a 32x32 bitmap, and a pixel
// here counts the set bits in one of its 8x8 blocks of 4x4, so that it lies in 0...16.
//
// Written by Scripts/make_digits.py: change that, not this file.
"""

HEADER = f"""\
#ifndef CDIGITSDATA_H
#define CDIGITSDATA_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

/// The number of images, and of labels.
static const int digits_count = {COUNT};
/// The number of rows, and of columns, of an image.
static const int digits_side = {SIDE};
/// The number of pixels of an image.
static const int digits_image_size = {SIDE * SIDE};
/// The number of classes: a label is one of 0, 1, ..., {CLASSES - 1}.
static const int digits_class_count = {CLASSES};
/// The largest value of a pixel: dividing by it scales pixels to 0...1.
static const int digits_pixel_max = {MAXIMUM};

/// The pixels, image by image, each row by row from the top left; 0 is paper, {MAXIMUM} is ink.
///
/// Swift does not import arrays this long (they would be tuples): use `digits_images_data()` there.
extern const uint8_t digits_images[{COUNT} * {SIDE * SIDE}];

/// The label of each image.
extern const uint8_t digits_labels[{COUNT}];

/// A pointer to the first pixel of the first image.
static inline const uint8_t *digits_images_data(void) {{ return digits_images; }}

/// A pointer to the label of the first image.
static inline const uint8_t *digits_labels_data(void) {{ return digits_labels; }}

#ifdef __cplusplus
}}
#endif

#endif
"""


def wrapped(values):
  """Comma-separated values, broken into lines of at most WIDTH characters."""
  lines, line = [], ''
  for v in values:
    item = f'{v},'
    if len(line) + len(item) > WIDTH:
      lines.append(line)
      line = ''
    line += item
  lines.append(line)
  return '\n'.join(lines)


def source(images, labels):
  """The text of digits.c."""
  pixels = '\n'.join(wrapped(image) for image in images)
  return f"""\
{ATTRIBUTION}
#include "CDigitsData.h"

// clang-format off
const uint8_t digits_images[{COUNT} * {SIDE * SIDE}] = {{
{pixels}
}};

const uint8_t digits_labels[{COUNT}] = {{
{wrapped(labels)}
}};
"""


def main():
  parser = argparse.ArgumentParser(description=__doc__,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('--out', type=pathlib.Path, default=TARGET,
                      help='the target directory (default: %(default)s)')
  args = parser.parse_args()

  from sklearn.datasets import load_digits  # here, so that --help works without it
  digits = load_digits()
  images, labels = digits.data.astype(int), digits.target.astype(int)
  assert images.shape == (COUNT, SIDE * SIDE) and labels.shape == (COUNT,)
  assert (images == digits.data).all() and images.min() == 0 and images.max() == MAXIMUM
  assert set(labels.tolist()) == set(range(CLASSES))

  (args.out / 'include').mkdir(parents=True, exist_ok=True)
  (args.out / 'digits.c').write_text(source(images.tolist(), labels.tolist()))
  (args.out / 'include' / 'CDigitsData.h').write_text(ATTRIBUTION + '\n' + HEADER)


if __name__ == '__main__':
  main()
