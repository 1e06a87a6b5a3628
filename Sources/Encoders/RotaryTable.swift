import Glibc
import Kernels

/// The angles of two-dimensional rotary positions, as EVA-02 (Fang et al. 2023) turns queries and keys.
///
/// With D channels per head there are D/4 frequencies b_k = 10000^(−k / (D/4)). A patch in row r and column c of a grid of g × g
/// has the angles r′·b₀ … r′·b_(D/4−1), c′·b₀ … c′·b_(D/4−1), where r′ = r/g · reference and c′ = c/g · reference: positions are
/// those of a reference grid, whatever the grid. Angles, cosines and sines are Float32, as the reference library has them.
struct RotaryTable: Sendable {
    /// [patches, D / 2], row-major.
    let cosines: FloatBuffer
    /// As `cosines`.
    let sines: FloatBuffer

    /// The base of the frequencies' geometric series.
    private static let temperature: Float = 10000

    init(gridSize: Int, referenceSize: Int, headWidth: Int) {
        let bandCount = headWidth / 4
        let bands = (0..<bandCount).map { 1 / powf(Self.temperature, Float($0) / Float(bandCount)) }
        let places = (0..<gridSize).map { Float($0) / Float(gridSize) * Float(referenceSize) }
        var angles: [Float] = []
        angles.reserveCapacity(gridSize * gridSize * 2 * bandCount)
        for row in places {
            for column in places {
                angles += bands.map { row * $0 }
                angles += bands.map { column * $0 }
            }
        }
        cosines = FloatBuffer(angles.map(cosf))
        sines = FloatBuffer(angles.map(sinf))
    }
}
