import Imaging
import Kernels
import Samples
import Testing

/// JPEG resized while it is decoded, against the way by the whole picture.
@Suite struct JPEGInputTests {
    static let files = ["wide", "tall"].flatMap { shape in
        ["444", "422", "420", "440", "411", "restart", "progressive", "grey"].map { "\(shape)-\($0).jpg" }
    }

    /// The way by the whole picture.
    private func reference(
        _ preprocessing: Preprocessing, _ bytes: [UInt8], _ orientation: ImageOrientation
    ) throws(ImagingError) -> PixelImage {
        preprocessing(try ImageDecoder.decodeNative(bytes.span, orientation: .recorded(orientation)))
    }

    @Test(arguments: files, ImageOrientation.allCases)
    func equalsTheWholePicture(_ file: String, _ orientation: ImageOrientation) throws {
        let bytes = try Golden.bytes(of: file)
        for mode in Preprocessing.ResizeMode.allCases {
            for (size, filter, rounding) in [
                (1, ResampleFilter.bilinear, Preprocessing.CropRounding.down), (16, .bicubic, .halfToEven),
                (37, .bilinear, .down), (96, .bicubic, .halfToEven), (150, .bicubic, .down),
            ] {
                for release in PillowRelease.allCases {
                    let preprocessing = Preprocessing(
                        size: size, resizeMode: mode, filter: filter, cropRounding: rounding,
                        conversion: .afterResize, fillLevel: 9, release: release)
                    expectSamePixels(
                        try preprocessing(decoding: bytes, orientation: .recorded(orientation)),
                        try reference(preprocessing, bytes, orientation))
                }
            }
        }
    }

    /// Files that are damaged anywhere give the same pixels or the same error.
    @Test(arguments: ["wide-420.jpg", "tall-422.jpg", "wide-restart.jpg", "tall-progressive.jpg"])
    func damageIsTheSame(_ file: String) throws {
        let whole = try Golden.bytes(of: file)
        let preprocessing = Preprocessing(size: 20, conversion: .afterResize)
        var generator = SeededGenerator(seed: 2, epoch: 0, key: file, purpose: "damage")
        var (errorCount, pictureCount) = (0, 0)
        func compare(_ bytes: [UInt8], _ label: String) {
            let results = [
                Result { () throws(ImagingError) in try preprocessing(decoding: bytes, orientation: .none) },
                Result { () throws(ImagingError) in try reference(preprocessing, bytes, .upright) },
            ]
            switch (results[0], results[1]) {
            case (.success(let direct), .success(let whole)):
                pictureCount += 1
                #expect(direct == whole, "\(label)")
            case (.failure(let direct), .failure(let whole)):
                errorCount += 1
                #expect(direct.code == whole.code, "\(label)")
            case (let direct, let whole):
                Issue.record("\(label): \(direct) and not \(whole)")
            }
        }
        for count in stride(from: 0, to: whole.count, by: 7) {
            compare(Array(whole[..<count]), "\(file) cut at \(count)")
        }
        for round in 0..<400 {
            var changed = whole
            for _ in 0...generator.integer(below: 4) {
                changed[generator.integer(below: whole.count)] = UInt8(truncatingIfNeeded: generator.next())
            }
            compare(changed, "\(file) round \(round)")
        }
        #expect(errorCount > 100 && pictureCount > 100)
    }

    @Test(arguments: [Resampling.PassOrder.columnsFirst, .rowsFirst], ResampleFilter.allCases)
    func stripsOfAnyHeight(_ order: Resampling.PassOrder, _ filter: ResampleFilter) {
        let (width, height) = (53, 90)
        let source = countedPicture(width, height)
        let columns = ResampleAxis(
            sourceCount: width, box: 0..<width, targetCount: 20, targets: 3..<17, filter: filter, tapAlignment: 4)
        let rows = ResampleAxis(
            sourceCount: height, box: 0..<height, targetCount: 31, targets: 0..<31, filter: filter)
        let expected = Resampling.resampled(
            source.bytes.span, format: .rgb8, rowStride: 3 * width, width: width, height: height, columns: columns,
            rows: rows, order: order)
        for seed in 0..<5 {
            var generator = SeededGenerator(seed: UInt64(seed), number: 0, purpose: "strips")
            var stream = ResampleStream(format: .rgb8, columns: columns, rows: rows, order: order)
            while stream.rowCount < height {
                let count = min(height - stream.rowCount, generator.integer(below: 9))
                let first = 3 * width * stream.rowCount
                stream.append(source.bytes.span.extracting(first..<first + 3 * width * count))
            }
            #expect(stream.finish() == expected)
        }
    }

    @Test func mirroredAxes() {
        let source = countedPicture(41, 1)
        let axis = ResampleAxis(
            sourceCount: 41, box: 0..<41, targetCount: 13, targets: 2..<9, filter: .bicubic, tapAlignment: 4)
        func row(_ image: PixelImage, _ axis: ResampleAxis) -> PixelImage {
            let bytes = Resampling.resampled(
                image.bytes.span, format: .rgb8, rowStride: 3 * 41, width: 41, height: 1, columns: axis, rows: nil)
            return PixelImage(width: 7, height: 1, bytes: bytes)
        }
        #expect(row(source, axis) == row(source.flippedHorizontally(), axis.mirrored()).flippedHorizontally())
    }

    @Test(arguments: ImageOrientation.allCases) func fastIsCloseToExact(_ orientation: ImageOrientation) throws {
        var pixels: [UInt8] = []
        for y in 0..<480 {
            for x in 0..<640 {
                let isChecked = (x / 80 + y / 80).isMultiple(of: 2)
                pixels += [UInt8(x * 255 / 639), UInt8(y * 255 / 479), isChecked ? 0 : 200]
            }
        }
        let picture = PixelImage(width: 640, height: 480, bytes: pixels)
        let bytes = try ImageEncoder.jpeg(picture)
        for (size, mayDiffer) in [(30, true), (64, true), (100, true), (300, false)] {
            let preprocessing = Preprocessing(size: size)
            let exact = try preprocessing(decoding: bytes, orientation: .recorded(orientation))
            let fast = try preprocessing(decoding: bytes, orientation: .recorded(orientation), decode: .fast)
            #expect((exact != fast) == mayDiffer)
            let error = zip(exact.bytes, fast.bytes).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
            #expect(Double(error) / Double(exact.bytes.count) < 3, "mean difference at \(size)")
        }
    }

    /// Other formats know no smaller decoding.
    @Test func fastOfOtherFormatsIsExact() throws {
        let bytes = try Golden.bytes(of: "png-2-8.png")
        let preprocessing = Preprocessing(size: 2)
        #expect(
            try preprocessing(decoding: bytes, orientation: .exif, decode: .fast)
                == preprocessing(decoding: bytes, orientation: .exif))
    }
}
