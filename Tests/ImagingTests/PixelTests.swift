import Imaging
import Kernels
import Samples
import Testing

/// A picture in which no two pixels are alike.
func countedPicture(_ width: Int, _ height: Int) -> PixelImage {
    var generator = SeededGenerator(seed: 5, number: UInt64(width * 1000 + height), purpose: "picture")
    return PixelImage(
        width: width, height: height,
        bytes: (0..<width * height * 3).map { _ in UInt8(truncatingIfNeeded: generator.next()) })
}

@Suite struct PixelTests {
    /// Where the pixel at (x, y) of a picture goes, by the definition of each orientation.
    @Test(arguments: ImageOrientation.allCases, [(1, 1), (1, 5), (4, 1), (3, 2), (37, 41)])
    func orientations(_ orientation: ImageOrientation, _ size: (Int, Int)) {
        let (width, height) = size
        let source = countedPicture(width, height)
        let upright = source.oriented(orientation)
        #expect([upright.width, upright.height] == (orientation.swapsAxes ? [height, width] : [width, height]))
        for y in 0..<height {
            for x in 0..<width {
                let (u, v) =
                    switch orientation {
                    case .upright: (x, y)
                    case .flippedHorizontally: (width - 1 - x, y)
                    case .rotated180: (width - 1 - x, height - 1 - y)
                    case .flippedVertically: (x, height - 1 - y)
                    case .transposed: (y, x)
                    case .rotated90Clockwise: (height - 1 - y, x)
                    case .transversed: (height - 1 - y, width - 1 - x)
                    case .rotated90CounterClockwise: (y, width - 1 - x)
                    }
                #expect(upright[u, v] == source[x, y])
            }
        }
    }

    @Test func crops() {
        let source = countedPicture(7, 5)
        let part = source.cropped(to: PixelBox(x: 2, y: 1, width: 4, height: 3))
        for y in 0..<3 {
            for x in 0..<4 { #expect(part[x, y] == source[x + 2, y + 1]) }
        }
        #expect(source.cropped(to: source.bounds) == source)
        #expect(source.flippedHorizontally().flippedHorizontally() == source)
    }

    /// The vector loops against the plain ones, at sizes around the widths of vectors and groups of rows.
    @Test(
        arguments: [
            (1, 1, 7, 7), (3, 3, 2, 9), (4, 2, 3, 3), (7, 7, 64, 3), (16, 5, 5, 16), (22, 21, 21, 22), (97, 53, 31, 64),
            (64, 64, 64, 63), (500, 375, 224, 224), (31, 700, 16, 16), (2, 401, 5, 3), (341, 256, 298, 224),
        ], ResampleFilter.allCases)
    func vectorLoopsEqualPlain(_ sizes: (Int, Int, Int, Int), _ filter: ResampleFilter) {
        let source = countedPicture(sizes.0, sizes.1)
        let fast = source.resized(width: sizes.2, height: sizes.3, filter: filter)
        let plain = source.resized(width: sizes.2, height: sizes.3, filter: filter, loops: .plain)
        expectSamePixels(fast, plain)
    }

    /// The same for four channels: the first three are those of the RGB picture, the fourth is its red.
    @Test(arguments: [(1, 1, 7, 7), (5, 9, 4, 4), (97, 53, 31, 64), (31, 700, 16, 16)], ResampleFilter.allCases)
    func fourChannels(_ sizes: (Int, Int, Int, Int), _ filter: ResampleFilter) {
        let (width, height, targetWidth, targetHeight) = sizes
        let source = countedPicture(width, height)
        func withRed(_ image: PixelImage) -> [UInt8] {
            var bytes: [UInt8] = []
            for first in stride(from: 0, to: image.bytes.count, by: 3) {
                bytes += image.bytes[first..<first + 3]
                bytes.append(image.bytes[first])
            }
            return bytes
        }
        func axis(_ count: Int, _ target: Int) -> ResampleAxis {
            ResampleAxis(
                sourceCount: count, box: 0..<count, targetCount: target, targets: 0..<target, filter: filter,
                tapAlignment: 4)
        }
        for loops in [Resampling.Loops.fastest, .plain] {
            let bytes = Resampling.resampled(
                withRed(source).span, format: .rgba8, rowStride: 4 * width, width: width, height: height,
                columns: axis(width, targetWidth), rows: axis(height, targetHeight), loops: loops)
            #expect(bytes == withRed(source.resized(width: targetWidth, height: targetHeight, filter: filter)))
        }
    }

    /// Only the pixels that the crop keeps are computed; they are those of resizing and then cropping.
    @Test(arguments: ResampleFilter.allCases, [(61, 47), (47, 61), (20, 20), (31, 90)])
    func shortestIsResizeThenCrop(_ filter: ResampleFilter, _ size: (Int, Int)) {
        let source = countedPicture(size.0, size.1)
        for side in [1, 7, 20, 33] {
            let short = min(size.0, size.1)
            let (width, height) = (side * size.0 / short, side * size.1 / short)
            let box = PixelBox(
                x: Int32((width - side) / 2), y: Int32((height - side) / 2), width: Int32(side), height: Int32(side))
            let preprocessing = Preprocessing(size: side, filter: filter, cropRounding: .down)
            expectSamePixels(
                preprocessing(source), source.resized(width: width, height: height, filter: filter).cropped(to: box),
                "\(side)")
        }
    }

    @Test(arguments: [(1, 1), (40, 30), (333, 77)]) func encodesAndDecodes(_ size: (Int, Int)) throws {
        let image = countedPicture(size.0, size.1)
        let png = try ImageEncoder.png(image)
        #expect(try ImageHeader.parse(png) == ImageHeader(format: .png, pixelWidth: size.0, pixelHeight: size.1))
        expectSamePixels(try ImageDecoder.decode(png), image)
        #expect(try ImageEncoder.png(image, compressionLevel: 0).count > image.bytes.count)

        let smooth = PixelImage(width: size.0, height: size.1, filledWith: PixelColor(red: 200, green: 90, blue: 30))
        for chroma in [ImageEncoder.ChromaResolution.full, .halved] {
            let jpeg = try ImageEncoder.jpeg(smooth, quality: 95, chroma: chroma)
            #expect(try ImageHeader.parse(jpeg).format == .jpeg)
            let decoded = try ImageDecoder.decode(jpeg)
            #expect(zip(decoded.bytes, smooth.bytes).allSatisfy { abs(Int($0) - Int($1)) <= 3 })
        }
        #expect(try ImageEncoder.jpeg(image, quality: 20).count < ImageEncoder.jpeg(image, quality: 95).count)
    }

    @Test func tooLargeForJPEG() throws {
        let image = PixelImage(width: 70_000, height: 1, filledWith: .black)
        let error = try #require(throws: ImagingError.self) { try ImageEncoder.jpeg(image) }
        #expect(error.code == .notEncodable)
        #expect(error.cause != nil)
    }
}

@Suite struct RandomTests {
    @Test func generatorIsPinned() {
        // SplitMix64 of seed 0 begins with this; the published test vector.
        var generator = SeededGenerator(seed: 0)
        #expect(generator.next() == 0xE220_A839_7B1D_CDAF)
        #expect(generator.next() == 0x6E78_9E6A_A1B9_65F4)
        var derived = SeededGenerator(seed: 1, epoch: 2, key: "a", purpose: "crop")
        let first = derived.next()
        for other in [
            SeededGenerator(seed: 2, epoch: 2, key: "a", purpose: "crop"),
            SeededGenerator(seed: 1, epoch: 1, key: "a", purpose: "crop"),
            SeededGenerator(seed: 1, epoch: 2, key: "b", purpose: "crop"),
            SeededGenerator(seed: 1, epoch: 2, key: "a", purpose: "flip"),
        ] {
            var other = other
            #expect(other.next() != first)
        }
    }

    @Test func generatorIsUniform() {
        var generator = SeededGenerator(seed: 3)
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { counts[generator.integer(below: 7)] += 1 }
        #expect(counts.allSatisfy { abs($0 - 10_000) < 500 })
        let mean = (0..<10_000).reduce(0.0) { sum, _ in sum + generator.uniform() } / 10_000
        #expect(abs(mean - 0.5) < 0.02)
    }

    @Test(arguments: [(500, 375), (1, 1), (3, 200), (200, 3), (64, 64)])
    func cropBoxes(_ size: (Int, Int)) {
        let crop = RandomResizedCrop(size: 16, scale: 0.3...1)
        for seed in 0..<200 {
            var generator = SeededGenerator(seed: 9, number: UInt64(seed), purpose: "crop")
            var again = generator
            let box = crop.box(width: size.0, height: size.1, using: &generator)
            #expect(Int(box.x + box.width) <= size.0 && Int(box.y + box.height) <= size.1)
            #expect(box == crop.box(width: size.0, height: size.1, using: &again))
            if min(size.0, size.1) >= 64 {
                let share = Double(box.width) * Double(box.height) / Double(size.0 * size.1)
                #expect(share > 0.28 && share < 1.01)
                let ratio = Double(box.width) / Double(box.height)
                #expect(ratio > 0.72 && ratio < 1.38)
            }
        }
    }

    @Test func cropOfVeryWidePictureIsCentred() {
        // No draw fits, so the fallback is the centre at the greatest ratio: 40 high, round(40 · 4/3) = 53 wide.
        let crop = RandomResizedCrop(size: 8, scale: 1...1)
        var generator = SeededGenerator(seed: 1)
        #expect(crop.box(width: 400, height: 40, using: &generator) == PixelBox(x: 173, y: 0, width: 53, height: 40))
        #expect(crop.box(width: 30, height: 400, using: &generator) == PixelBox(x: 0, y: 180, width: 30, height: 40))
    }

    @Test func cropIsCropThenResize() {
        let source = countedPicture(90, 70)
        let crop = RandomResizedCrop(size: 24, scale: 0.2...0.6)
        for seed in 0..<20 {
            var generator = SeededGenerator(seed: UInt64(seed))
            var again = generator
            let box = crop.box(width: 90, height: 70, using: &again)
            expectSamePixels(
                crop(source, using: &generator),
                source.cropped(to: box).resized(width: 24, height: 24, filter: .bicubic))
        }
    }

    @Test func jitterIsDeterministicAndBounded() {
        let source = countedPicture(20, 20)
        let jitter = ColorJitter(brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1)
        var generator = SeededGenerator(seed: 4)
        var again = generator
        let first = jitter(source, using: &generator)
        #expect(first == jitter(source, using: &again))
        #expect(first != jitter(source, using: &generator))
        var other = SeededGenerator(seed: 4)
        #expect(ColorJitter()(source, using: &other) == source)
    }
}
