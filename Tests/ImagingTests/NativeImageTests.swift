import Imaging
import Samples
import Testing

/// Pictures in the modes of their files.
@Suite struct NativeImageTests {
    @Test(arguments: [
        ("rgb-420.jpg", "rgb"), ("grey.jpg", "rgb"), ("cmyk.jpg", "cmyk"), ("ycck.jpg", "cmyk"),
        ("png-0-1.png", "indexed"), ("png-0-2.png", "rgb"), ("png-0-16.png", "grey16"), ("png-2-16.png", "rgb"),
        ("png-3-1.png", "indexed"), ("png-3-8-interlaced.png", "indexed"), ("png-4-8.png", "rgba"),
        ("png-4-16.png", "rgba"), ("png-6-16.png", "rgba"), ("lossy.webp", "rgb"), ("lossless.webp", "rgb"),
        ("alpha-lossy.webp", "rgba"), ("alpha-lossless.webp", "rgba"),
    ])
    func modes(_ file: String, _ mode: String) throws {
        let bytes = try Golden.bytes(of: file)
        let image = try ImageDecoder.decodeNative(bytes.span)
        #expect("\(image.mode)".hasPrefix(mode))
        let rgb = try ImageDecoder.decode(bytes)
        expectSamePixels(image.convertedToRGB(), rgb)
        // Turning and converting commute.
        for orientation in ImageOrientation.allCases {
            expectSamePixels(
                try ImageDecoder.decodeNative(bytes.span, orientation: .recorded(orientation)).convertedToRGB(),
                rgb.oriented(orientation), "\(orientation)")
        }
    }

    /// What the reference makes of a picture depends on its mode; what a recipe that converts first makes does not.
    @Test(arguments: ["png-3-8.png", "png-6-8.png", "cmyk.jpg", "png-0-16.png", "png-0-1.png"])
    func conversionMatters(_ file: String) throws {
        let bytes = try Golden.bytes(of: file)
        let before = Preprocessing(size: 7)
        let after = Preprocessing(size: 7, conversion: .afterResize)
        expectSamePixels(
            try before(decoding: bytes, orientation: .none), before(try ImageDecoder.decode(bytes)))
        expectSamePixels(
            before(try ImageDecoder.decodeNative(bytes.span)), before(try ImageDecoder.decode(bytes)))
        #expect(try after(decoding: bytes, orientation: .none) != before(decoding: bytes, orientation: .none))
    }

    /// By hand: two pixels, one of them transparent, made into one. The transparent one does not count.
    @Test func transparentPixelsDoNotCount() {
        let image = NativeImage(mode: .rgba, width: 2, height: 1, bytes: [200, 100, 50, 255, 0, 0, 0, 0])
        let one = Preprocessing(size: 1, resizeMode: .squash, filter: .bilinear, conversion: .afterResize)(image)
        // Premultiplied (100, 50, 25, 128), rounded; divided by 128 again: 255 · 100 / 128 = 199.2 and so on.
        #expect(one.bytes == [199, 99, 49])
        #expect(Preprocessing(size: 1, resizeMode: .squash, filter: .bilinear)(image).bytes == [100, 50, 25])
    }

    /// 16-bit grey is cut at 255 after it is resized, so that a bright pixel outweighs a dark one.
    @Test func grey16IsCutAfterResizing() {
        let dark = UInt16(100).littleEndian == 100 ? [100, 0] : [0, 100] as [UInt8]
        let bright = dark[0] == 100 ? [0, 1] : [1, 0] as [UInt8]  // 256
        let image = NativeImage(mode: .grey16, width: 2, height: 1, bytes: dark + bright)
        let after = Preprocessing(size: 1, resizeMode: .squash, filter: .bilinear, conversion: .afterResize)
        #expect(after(image).bytes == [178, 178, 178])
        let before = Preprocessing(size: 1, resizeMode: .squash, filter: .bilinear)
        #expect(before(image).bytes == [178, 178, 178])  // (100 + 255) / 2, rounded up
        let all = NativeImage(mode: .grey16, width: 2, height: 1, bytes: dark + [255, 255])
        #expect(after(all).bytes == [255, 255, 255])
        #expect(before(all).bytes == [178, 178, 178])
    }

    /// Padding has the level in the mode of the file: 0 is no ink, hence white, and colour 0 of a palette.
    @Test func paddingInTheModeOfTheFile() {
        func corner(_ mode: NativeImage.Mode, _ level: UInt8) -> [UInt8] {
            let image = NativeImage(
                mode: mode, width: 4, height: 1, bytes: [UInt8](repeating: 7, count: 4 * mode.pixelByteCount))
            let preprocessing = Preprocessing(
                size: 4, resizeMode: .longest, conversion: .afterResize, fillLevel: level)
            return Array(preprocessing(image).bytes[..<3])
        }
        let palette = [10, 20, 30, 40, 50, 60] + [UInt8](repeating: 0, count: 762)
        #expect(corner(.rgb, 9) == [9, 9, 9])
        #expect(corner(.rgba, 9) == [9, 9, 9])
        #expect(corner(.grey16, 9) == [9, 9, 9])
        #expect(corner(.cmyk, 0) == [255, 255, 255])
        #expect(corner(.cmyk, 9) == [237, 237, 237])
        #expect(corner(.indexed(palette: palette), 0) == [10, 20, 30])
        #expect(corner(.indexed(palette: palette), 1) == [40, 50, 60])
        #expect(corner(.indexed(palette: palette), 200) == [0, 0, 0])
    }

    @Test(arguments: [PillowRelease.twelve, .thirteen]) func passOrder(_ release: PillowRelease) {
        // Height shrinks by 60, width by 30 or 29; the order is seen in the pixels.
        for (width, isRowsFirst) in [(60, false), (61, release == .thirteen)] {
            let source = countedPicture(90, 100)
            let direct = source.resized(width: width, height: 40, filter: .bicubic, release: release)
            let rowsFirst = source.resized(width: 90, height: 40, filter: .bicubic)
                .resized(width: width, height: 40, filter: .bicubic)
            #expect((direct == rowsFirst) == isRowsFirst)
        }
    }
}
