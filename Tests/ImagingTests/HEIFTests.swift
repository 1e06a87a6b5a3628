import CImageCodecs
import Samples
import Testing

@testable import Imaging

/// HEIC and AVIF, which Tests/Peers/heif_fixtures.sh made of a picture that is drawn again here.
@Suite struct HEIFTests {
    /// A slope in every channel, 60 × 44.
    private static let slope: PixelImage = {
        var bytes: [UInt8] = []
        for y in 0..<44 {
            for x in 0..<60 {
                bytes.append(UInt8(x * 4))
                bytes.append(UInt8(y * 5))
                bytes.append(UInt8(255 - 2 * x - y))
            }
        }
        return PixelImage(width: 60, height: 44, bytes: bytes)
    }()

    private static func largestDifference(_ image: PixelImage) -> Int {
        zip(image.bytes, slope.bytes).reduce(0) { max($0, abs(Int($1.0) - Int($1.1))) }
    }

    @Test(arguments: ["slope.heic", "lying.heic", "alpha.heic", "slope.avif"])
    func decodesUpright(file: String) throws {
        let bytes = try Golden.bytes(of: file)
        let header = try ImageHeader.parse(bytes)
        #expect(header.format == (file.hasSuffix("avif") ? .avif : .heic))
        #expect([header.pixelWidth, header.pixelHeight] == [60, 44])
        #expect(header.orientation == .upright)
        let image = try ImageDecoder.decode(bytes)
        try #require([image.width, image.height] == [60, 44])
        #expect(Self.largestDifference(image) <= 8)
        let native = try ImageDecoder.decodeNative(bytes.span)
        #expect(native.mode == (file == "alpha.heic" ? .rgba : .rgb))
        #expect(native.convertedToRGB() == image)
    }

    @Test func withoutTheLibraryItIsNamed() throws {
        let bytes = try Golden.bytes(of: "slope.heic")
        let error = try #require(throws: ImagingError.self) {
            try HEIFFile(bytes.span, .heic, limits: .standard, library: "libheif-that-is-not-there.so.1")
        }
        #expect(error.code == .codecMissing && error.message.contains("libheif1"))
    }

    @Test func pixelLimitHolds() throws {
        let bytes = try Golden.bytes(of: "slope.heic")
        var limits = ImageLimits.standard
        limits.maximumPixelCount = 60 * 44
        _ = try ImageDecoder.decode(bytes, limits: limits)
        limits.maximumPixelCount = 60 * 44 - 1
        let error = try #require(throws: ImagingError.self) { try ImageDecoder.decode(bytes, limits: limits) }
        #expect(error.code == .overLimit)
    }

    /// A file that was cut or changed gives a picture of the size it states, or an error.
    @Test(arguments: ["slope.heic", "slope.avif"]) func damageIsSurvived(file: String) throws {
        let bytes = try Golden.bytes(of: file)
        var failureCount = 0
        for end in stride(from: 0, to: bytes.count, by: 7) {
            do { _ = try ImageDecoder.decode(Array(bytes[..<end])) } catch { failureCount += 1 }
        }
        #expect(failureCount >= bytes.count / 14)
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<200 {
            var changed = bytes
            changed[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
            if let image = try? ImageDecoder.decode(changed) {
                let header = try ImageHeader.parse(changed)
                #expect(image.width == header.pixelWidth && image.height == header.pixelHeight)
            }
        }
    }

    @Test func otherContainersAreNotPictures() {
        func format(_ text: String) -> ImageFormat? {
            ImageFormat(firstBytes: ([0, 0, 0, UInt8(text.utf8.count + 4)] + Array(text.utf8)).span)
        }
        #expect(format("ftypheic\0\0\0\0mif1heic") == .heic)
        #expect(format("ftypmif1\0\0\0\0mif1avifmiaf") == .avif)
        #expect(format("ftypmif1\0\0\0\0mif1") == nil)
        #expect(format("ftypisom\0\0\u{2}\0isomiso2avc1mp41") == nil)
        #expect(format("ftyphei") == nil)
        #expect(format("ftyp") == nil)
    }

    /// Found by fuzzing: a grid that has itself as its tile used up the stack in libheif 1.15.
    @Test func itemsThatReferToThemselvesAreRefused() throws {
        var bytes = try Golden.bytes(of: "slope.heic")
        #expect(try !HEIFReferences(bytes.span).areEndless)
        // The box `dimg` of the grid: from item 2, one reference, to item 1.
        let grid = Array("dimg".utf8) + [0, 2, 0, 1, 0, 1]
        let place = try #require(bytes.indices.dropLast(10).first { bytes[$0..<$0 + 10].elementsEqual(grid) })
        bytes[place + 9] = 2
        let error = try #require(throws: ImagingError.self) { try ImageDecoder.decode(bytes) }
        #expect(error.code == .malformed && error.message.contains("without end"))
    }

    private func box(_ type: String, _ content: [UInt8]) -> [UInt8] {
        let length = UInt32(content.count + 8)
        return [24, 16, 8, 0].map { UInt8(length >> $0 & 0xFF) } + Array(type.utf8) + content
    }

    /// A container in which items 1 to `count` each refer to the next one so many times.
    private func chain(of count: Int, times: Int) -> [UInt8] {
        let references = (1...count).flatMap { item in
            let targets = Array(repeatElement([0, UInt8(item + 1)], count: times).joined())
            return box("dimg", [0, UInt8(item), 0, UInt8(times)] + targets)
        }
        return box("ftyp", Array("heic".utf8)) + box("meta", [0, 0, 0, 0] + box("iref", [0, 0, 0, 0] + references))
    }

    @Test func longChainsAndManyVisitsAreRefused() throws {
        #expect(try !HEIFReferences(chain(of: HEIFReferences.maximumDepth - 1, times: 1).span).areEndless)
        #expect(try HEIFReferences(chain(of: HEIFReferences.maximumDepth, times: 1).span).areEndless)
        #expect(try HEIFReferences(chain(of: 200, times: 1).span).areEndless)
        // 100 tiles of 100 tiles each are decoded, 100 times that are not.
        #expect(try !HEIFReferences(chain(of: 2, times: 100).span).areEndless)
        #expect(try HEIFReferences(chain(of: 3, times: 100).span).areEndless)
    }
}
