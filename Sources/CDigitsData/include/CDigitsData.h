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

#ifndef CDIGITSDATA_H
#define CDIGITSDATA_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The number of images, and of labels.
static const int digits_count = 1797;
/// The number of rows, and of columns, of an image.
static const int digits_side = 8;
/// The number of pixels of an image.
static const int digits_image_size = 64;
/// The number of classes: a label is one of 0, 1, ..., 9.
static const int digits_class_count = 10;
/// The largest value of a pixel: dividing by it scales pixels to 0...1.
static const int digits_pixel_max = 16;

/// The pixels, image by image, each row by row from the top left; 0 is paper, 16 is ink.
///
/// Swift does not import arrays this long (they would be tuples): use `digits_images_data()` there.
extern const uint8_t digits_images[1797 * 64];

/// The label of each image.
extern const uint8_t digits_labels[1797];

/// A pointer to the first pixel of the first image.
static inline const uint8_t *digits_images_data(void) { return digits_images; }

/// A pointer to the label of the first image.
static inline const uint8_t *digits_labels_data(void) { return digits_labels; }

#ifdef __cplusplus
}
#endif

#endif
