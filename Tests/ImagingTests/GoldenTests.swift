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
        #expect(Golden.cases("nativeSquash", "nativeShortest", "nativeLongest").count == 21 * 4 * 3)
        #expect(Golden.cases("resizePillow13").count == 18)
        #expect(Golden.cases("cropped").count == 16)
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
        let filter = try Golden.filter(of: golden)
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
            size: golden.width, resizeMode: mode, filter: try Golden.filter(of: golden),
            cropRounding: golden.operation == "shortestDown" ? .down : .halfToEven, fillLevel: 10)
        expectSamePixels(preprocessing(source), try Golden.pixels(of: golden))
    }

    /// Resized in the mode of the file, then converted; EXIF orientation first of all.
    @Test(arguments: Golden.cases("nativeSquash", "nativeShortest", "nativeLongest"))
    func preprocessesInTheModeOfTheFile(_ golden: Golden.Case) throws {
        let mode: Preprocessing.ResizeMode =
            switch golden.operation {
            case "nativeSquash": .squash
            case "nativeLongest": .longest
            default: .shortest
            }
        let preprocessing = Preprocessing(
            size: golden.width, resizeMode: mode, filter: try Golden.filter(of: golden), conversion: .afterResize,
            fillLevel: 2)
        let bytes = try Golden.bytes(of: golden.file)
        let pixels = try Golden.pixels(of: golden)
        expectSamePixels(try preprocessing(decoding: bytes, orientation: .exif), pixels)
        let stated = try ImageHeader.parse(bytes).orientation
        let stored = try ImageDecoder.decodeNative(bytes.span, orientation: .none)
        expectSamePixels(preprocessing(stored.oriented(stated)), pixels)
    }

    /// JPEG of which the crop drops whole blocks.
    @Test(arguments: Golden.cases("cropped")) func decodesOnlyWhatIsWanted(_ golden: Golden.Case) throws {
        let preprocessing = Preprocessing(
            size: golden.width, filter: try Golden.filter(of: golden), conversion: .afterResize)
        let bytes = try Golden.bytes(of: golden.file)
        expectSamePixels(try preprocessing(decoding: bytes, orientation: .exif), try Golden.pixels(of: golden))
    }

    /// The order of the two passes that Pillow 13 chooses.
    @Test(arguments: Golden.cases("resizePillow13")) func resizesAsPillow13(_ golden: Golden.Case) throws {
        let source = try ImageDecoder.decode(Golden.bytes(of: golden.file))
        let image = source.resized(
            width: golden.width, height: golden.height, filter: try Golden.filter(of: golden), release: .thirteen)
        expectSamePixels(image, try Golden.pixels(of: golden))
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
