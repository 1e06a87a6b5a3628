import Imaging
import Kernels
import Samples
import Testing

/// Pixels against Pillow's, exactly.
@Suite struct GoldenTests {
    @Test func fixturesAreThere() throws {
        #expect(Golden.cases("decode").count >= 40)
        #expect(Golden.cases("orient").count == 24)
        #expect(Golden.cases("resize", "resizeBox", "resizeCrop").count >= 90)
        #expect(Golden.cases("squash", "shortestHalfToEven", "shortestDown", "longest").count == 40)
        #expect(Golden.cases("brightness", "contrast", "saturation", "hue").count >= 16)
    }

    @Test(arguments: Golden.cases("decode")) func decodes(_ golden: Golden.Case) throws {
        let image = try ImageDecoder.decode(Golden.bytes(of: golden.file), applyOrientation: false)
        expectSamePixels(image, try Golden.pixels(of: golden))
    }

    @Test(arguments: Golden.cases("orient")) func orients(_ golden: Golden.Case) throws {
        let bytes = try Golden.bytes(of: golden.file)
        let header = try ImageHeader.parse(bytes)
        #expect(header.orientedPixelWidth == golden.width)
        #expect(header.orientedPixelHeight == golden.height)
        #expect(golden.file.contains("-\(header.orientation.rawValue)."))
        expectSamePixels(try ImageDecoder.decode(bytes), try Golden.pixels(of: golden))
        // As stored, without the orientation.
        let stored = try ImageDecoder.decode(bytes, applyOrientation: false)
        #expect([stored.width, stored.height] == [header.pixelWidth, header.pixelHeight])
        expectSamePixels(stored.oriented(header.orientation), try Golden.pixels(of: golden))
    }

    @Test(arguments: Golden.cases("resize", "resizeBox", "resizeCrop"), [Resampling.Loops.fastest, .plain])
    func resizes(_ golden: Golden.Case, _ loops: Resampling.Loops) throws {
        let source = try ImageDecoder.decode(Golden.bytes(of: golden.file))
        let filter = try #require(golden.filter.flatMap(ResampleFilter.init(rawValue:)))
        let box = golden.box.map { PixelBox(x: $0[0], y: $0[1], width: $0[2], height: $0[3]) }
        let image = source.resized(
            width: golden.width, height: golden.height, filter: filter, from: box,
            edges: golden.operation == "resizeBox" ? .readAcross : .cut, loops: loops)
        expectSamePixels(image, try Golden.pixels(of: golden))
    }

    @Test(arguments: Golden.cases("squash", "shortestHalfToEven", "shortestDown", "longest"))
    func preprocesses(_ golden: Golden.Case) throws {
        let source = try ImageDecoder.decode(Golden.bytes(of: golden.file))
        let mode: Preprocessing.ResizeMode =
            switch golden.operation {
            case "squash": .squash
            case "longest": .longest
            default: .shortest
            }
        let preprocessing = Preprocessing(
            size: golden.width, resizeMode: mode, filter: golden.filter == "bicubic" ? .bicubic : .bilinear,
            cropRounding: golden.operation == "shortestDown" ? .down : .halfToEven,
            fillColor: PixelColor(red: 10, green: 20, blue: 30))
        expectSamePixels(preprocessing(source), try Golden.pixels(of: golden))
    }

    @Test(arguments: Golden.cases("brightness", "contrast", "saturation", "hue"))
    func adjustsColor(_ golden: Golden.Case) throws {
        var image = try ImageDecoder.decode(Golden.bytes(of: golden.file))
        let amount = try #require(golden.amount)
        switch golden.operation {
        case "brightness": image.adjustBrightness(by: amount)
        case "contrast": image.adjustContrast(by: amount)
        case "saturation": image.adjustSaturation(by: amount)
        default: image.shiftHue(by: amount)
        }
        expectSamePixels(image, try Golden.pixels(of: golden))
    }
}
