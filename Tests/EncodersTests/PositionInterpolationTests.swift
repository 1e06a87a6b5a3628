import ByteFormats
import Foundation
import TestSupport
import Testing

@testable import Encoders

/// Interpolated position embeddings against PyTorch's; see Tests/Peers/positions_golden.py.
@Suite struct PositionInterpolationTests {
    private func golden() throws -> SafetensorsFile {
        let url = Bundle.module.url(forResource: "positions", withExtension: "safetensors", subdirectory: "Fixtures")
        return try SafetensorsFile(path: try #require(url).path)
    }

    @Test func bothKernelsAreTheLibrarys() throws {
        let golden = try golden()
        var count = 0
        for kernel in PositionInterpolation.allCases {
            for entry in golden.header.entries where entry.name.hasPrefix(kernel.rawValue + ".") {
                let sizes = try entry.name.split(separator: ".").dropFirst().map { try #require(Int($0)) }
                let result = kernel.apply(
                    try golden.floats(of: "grid.\(sizes[0])"), sourceSize: sizes[0], targetSize: sizes[1],
                    width: entry.shape[1])
                let expected = try golden.floats(of: entry.name)
                #expect(result.count == expected.count)
                let worst = zip(result, expected).map { abs($0 - $1) }.max() ?? .infinity
                // Of values of unit size: the Float polynomials of both sides cancel terms of about 10.
                #expect(worst <= 5e-6, "\(entry.name): \(worst)")
                count += 1
            }
        }
        #expect(count == 16)
    }

    /// The kernels differ by far more than the bound, so that taking the wrong one fails above.
    @Test func theKernelsAreNotTheSame() throws {
        let grid = try golden().floats(of: "grid.7")
        let values = PositionInterpolation.allCases.map {
            $0.apply(grid, sourceSize: 7, targetSize: 12, width: grid.count / 49)
        }
        #expect(zip(values[0], values[1]).contains { abs($0 - $1) > 0.01 })
    }

    @Test(arguments: PositionInterpolation.allCases) func theSameGridStaysTheSame(kernel: PositionInterpolation) throws
    {
        let grid = try golden().floats(of: "grid.7")
        #expect(kernel.apply(grid, sourceSize: 7, targetSize: 7, width: grid.count / 49) == grid)
    }
}
