"""Accounts and passkeys may come from the Rust server."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

TYPES = {
    "sqlite": {"float": "REAL", "bool": "INT", "false": "0"},
    "postgres": {"float": "DOUBLE PRECISION", "bool": "BOOL", "false": "FALSE"},
}

SCHEMA = """
ALTER TABLE users ADD COLUMN imported_at {float};
ALTER TABLE passkeys ADD COLUMN kind_unknown {bool} NOT NULL DEFAULT {false};
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return what is new in the words of this database."""
    return SCHEMA.format_map(TYPES[db.capabilities.dialect])


async def downgrade(db: BaseDBAsyncClient) -> str:  # noqa: ARG001 - aerich's signature
    """Return nothing: going back means restoring the backup made before."""
    return ""


MODELS_STATE = (
    "eJztXdty27YW/RWMXprMOBnHlp3UebJdp/Wpa3d8OWmn06EgEpIwIgmVoKxoevLvZwMkxR"
    "tIk7REwTJfEpnEAsmF275h49+ewyxi8/cPnHi3bNE7Qf/2XOwQ+JG9tYd6eDaLb4gLPh7a"
    "suwcCskreMh9D5s+XBxhmxO4ZBFuenTmU+aKovcTgiQODQYSNhh8Rj51CEfURQ8u/YY4MZ"
    "lr8feiQouZUCN1xw2wc5f+MyeGz8bEnxAPavjrb7hMXYt8Izz6czY1RpTYVurjqSUqkNcN"
    "fzmT1x7mwVVraJjMnjtuXHC29CfMXZWcQ8n3Dw+XP4l7Y+ISD/vESnDizm075C66FLwsXP"
    "C9OVm9pRVfsMgIz23BrEAH7xFf6xnG9c29cXdxbxi9HOsRIkFmeAnYEi1GXV8Q8u/3oN74"
    "w+XVnnjA2dXNmfxWxv2xJ2/05Dd+lyDs4wAmiY2ZJA6mdp7M8wn2vkjas4yuABlS4TVfHJ"
    "09B38zbOKO/Qn8eXDUL+H3v6e357+c3r6BUm/FIxmMo2B0XYe3DoJ7gu+YX/l/DXqj8uth"
    "N7oQ0xsP+xWXvVbY/bC/X4FdKFXIrryXZtdjNuF16F0BNsVvrvu2RO9BJXoPSug9yNNrek"
    "SQYWA/z/EXm2FfTXIalmF6JHCb6svbmXp/unk4u7pAv99enF/eXd5ci6c4S/6PHd8Ul+AC"
    "9SUHtxenVxmqH4lHoe7aXGdwDckOe+0r4dqiXHx3ba4zuI7rClzbmPsGp2PXoG5dvhXYjv"
    "MKnE+wa9kKqeOMuthbqrmOMRmKh0s/WDG1oLj3dYJ9hOegMLg+NbHPPI6mLlsgjGagcTAX"
    "DZcn6LiPPPgg5iD5+sgXKIdgF7nMn0DToDdfyfAUqnHR1aHQSkT96EP//fH7D2/zmk1rT6"
    "0v7zs87BywkJ9dXp/e/vnmt9M/3qb6zdXN9c8q/eDsz/uL0+yaD+qjMQIZf+6pRKtLt2jR"
    "z+Iy/Qg+qc1Vf1/RdTwGTcBc8k7opAhaCnmgjsIKukTi7aWWipHHFooOUA+bFdXG4lPeHX"
    "zof+x/Ojzuf4Ii8nNXVz6WtPTl9X2mjYQKZrDRqO6EmsFpPZn27qhrErSAIQcDifJooC0w"
    "kAoDComF4R2wbhPfh1v5NmtSQbsTNXVmzGsgYGdwerfj16ABYNCYJpu7PjQATI14ClfF+E"
    "EjDyZMcf92zn2YFD24+Fk+CI2YhzD8z4R9SNHC6616820v7FmjacIOIy4MsTldYM8yUnfi"
    "TsIJ50AlV0zGZyH0y6+3xMaS8Hx3CA2Fd0E1oa3wZSpf8dWw+6ZG0wxzPiXL5xL1e1DNDh"
    "MVrVyGXLmeSddtWNk5/LnDnJkTmC2IO342X+dRRdXI0lNzyXMlZjJ2wIrmtvStmFaf+bMS"
    "Qm9ccs/gn6dpvYeKdo9R58DJMOpgF4/lW4rqBDgk4Dc8puYVdacFjqLU/b0yb5EjSho2FG"
    "3gM0qAhfeHgqhFLUS5XIZn86FNTTTwCFAPuj21mjmX1vmQp71Qf8U+D2r1/u6cUht3Ss3m"
    "HiBq+U0SkPZcJ+25pqoZ90ts+1nT/rb9fnrRuwnPn89ADzEmmE/qWeLSuIbWON343pYhy8"
    "FmPfaTqI77ptwPPbYAdbtB788i9bZG/wJvidhIyh0mY1NKor/C7whswBgUSis0PNARyCvS"
    "UOGyqFRe2llnxdvvDvBZtWzJq/Lt2ZD3N7XQrNn06xF/7gEjrM7anQI1Wr81U5qy0lH/Uy"
    "X5qP+pREISNzPm2VkdkoPSOygd9Y8qkNs/KqRW3FIuD3XYTUB2kOLjKvL9cbF8f9yF7mzP"
    "3U6+zSgsfnWpTsM6qqtQbdqg49fv1EmU1s4yrXg2YC7ggc216iydxe2irLFuSwyezTz2WL"
    "9XZ3Ba9+vAU8uZQ4bMWqLFhKEJtqQ+I6y4wgWfUm6om9BvpK+W+gXu3zVUqpXjt5YjpaaP"
    "IOEDVngI0h7iYv9A5JCu7xyIkA33lFSDVzHoi90pRmCG70z6rZj0w8+nqvXkjI4LTQFp3M"
    "7YA348ODg8/Hiwf3j86aj/8ePRp/2VYSB/q8xCcHb5szASpFabvNWg0wZaE51ElKghZqd6"
    "i3kS1RFdiWinlgEhLL6DxoON7KzCZj12zV1lt1+F3H4xt/0ctZ1ZsTMrvlSzotySM29gg8"
    "kCuzWuyhrnMb+J3JaG6U11HMRt00eCYnlfujIp53NilUR+PwHqLMHrbq5LC3Rx4lqfEZG7"
    "X2RfE8w77FFo5P4ecsUdNIMRjwZ4yOE7fWLEHznIN+e6Km1ZAs2/Rj2hX43XuwPoMjVCb6"
    "k/MSZBWhtMNWK5gRsgjeqcAE87ARIGyQrWxkTpdZoc9e3KJUbHnGk9TapiemAeoWP3VxJE"
    "oF3CO2DXVBle8imWXiajub0FcNnDi5W9O9mf4PPho0kwIZyf3p2f/nTR+74dd0ViJ5bCXZ"
    "Hep1Xsroi2hdV3V0TIYn8DEsWDrQds7nG5LzjYf/A52JeY3DL+g5BM0cD0iCWuYVtsTSj3"
    "eLT2Bp3TREenSaqh8qTCFKYy2ach6wpifknUqmJQg0FhTAPOqgckp3F6h4T3zm/uLgzoFu"
    "jN7Zdz9OP+0cEqy8RHRVqLp4tvP3ZY5n+Ru7vrOQ7TuO0mo3jRvkOxls9nBrHpmA6VaWUY"
    "swl2CwyseXR2DAFcn8YQliWxAorMLh57pBb8dPAS8aVrTjzmUk5EmP2bs4u3e3KxXYTlmU"
    "uQBQsxDoJOhL0TwYoJJe+UCWU29JQaA/bm5io1YM8uM33h+uG3s4vbNx/eptVEdRcBvXqu"
    "cGw82TlWOK27xVpWqvURDg90ucgBUiv5YRq1g/6OzXhC8XheWaSNC796xfxlZUFtzydXZa"
    "vpcfFO0+PcRtMuuKfdbIZbdH9qZhXdMNt8zmeNzPxZoNZsJ/OUiUwWbAEvBUIehx/C9XUi"
    "JEFhxEFSm+EycjlMKFia9KxRZe228BSoNOauSKWoigstkx2z0C2LjwXmxEjOH2T0oIEwxH"
    "Gf2jbyGRqCJE+w5/p7kWA/ol4o2QOanGSTmEkdAJoNTQmZFcXGt/bgrYjAncek85h0HpOM"
    "xyTKgqVwlyQSZBX7SkQ6rvp+EoEq9FDsiR8egaWGE2yHG29gVqFesDiVO0CeX/UzThnRYo"
    "p5SXb3Ci6NoKWMoOHqWeJzUK1zg6yT4/WnxnFhnXca6IwZoNaCtS5qTJDG3icq62iJAyMF"
    "0y6ZtpikXbIgIBnKjNjiRYPtlSICE5smmcF7SXVD2K9Fqt0hgflZ2rUx/Cc0NIXcusZ6tf"
    "CevA4dVpehJhiDxzdaXvJYrdeX3mko/QSjw5xgkZx2ddIAKPfURlgmpxepo8LUUHwCklHg"
    "UhKaXbijtspm680/bvvrYtQF5NfUGq05ZDdcaw1X2S8qCtoK1DME7pfDeB2Vvo76+ZT6Hy"
    "Vh3rzyr4Ous2bV/1nqfDa3ukKtV6RfL1bv04nf6yv6aXzDLA51KlEo76k4RBgKVL7o31V1"
    "+i44cW1JmiPuc3wWqjRJiM4RWbK/BpZwvnSGzI5TcVokcKEQ2+ZoMaHmBIlUpcKYbjJnBh"
    "rIHuIskHBEsA632SIoQTkiLpuPJ+rhsdnHbTgrJcd2XWNOiNA7oFJnI0793LpdTulnG866"
    "UIu2dIMmURZdgEUXYKEv21q4k/SluPNYa6S2tuaxTh2HpdBvs8dlFSu38Qld9RXbGJs+Tw"
    "gEbD8SxgeR3anpqUXrfEilU4virALdZr3u0KId2CUfeCAanCqSAeqtAKUO/widLtTNTQ/l"
    "h4Y8gdNAlYpmw3otmYJp7aDTWY8NXSfVpdE0QHt3S+/rhCFHhK2OqEuFNcwPqhGR0Z44v3"
    "spc0Y7eKkKna2FXftmGcoN8VPRNKUB0UmY1nvp4s2PLsKWBUTw4Ngi8fYnQXQ6c+1lHMD+"
    "gxCSZCaEMGw9cCnLM5yRIB/mA1HIldsjGVEfFd3GM7cSCr17mVChuXAiggBh2yPYWgZNAF"
    "dOonaQIjE80vSZIpK0cS3t7zLsznVSCZCbOdfpFaTpe802L8369Ms3eelJ6Eu1eN1BK8Hn"
    "/VqY2CpdYK/0KI6gqNEsv1US3fRIjspVPGMfxlQ1gRSvilPlDNJQvtmEkaonsu18PD78BH"
    "Ln3BnOgNiVATA8vRz4zBNfHdbKDvRiUxi2x8yj/sSpJZYmQToLpw2lmQ/VpMYSoTFvDpMb"
    "YqAjPAIpdS1iWazeRjGdrSldVEB7HmtYb7gx8phiainzV6dgWnure1/gLYMN/Ezs4Ufy3c"
    "MznsMNjmKeD2K+hPtITP18QiyEJ6De5peNdVTYbis/Eo9C3bxBIH4eqndrP8iNE2G+BhS9"
    "/efI4EhtsmoyBG21wNRXiGSNa3k1R9+dzmixxB3fLJW28Yw2lLQjZEMpuxr8GRJ25wVelx"
    "e4y3S1WTspN9mM1Mp6FyN2kOODShwflHB8oOD4VbjZO43ixdP/0s/s0dOwuimmPfLIpg0O"
    "s0rBOqb1lrOviO8HfgWFnB3fLJWziYOpbUBDzUl9UTsBbihtV66hShAm97E/l5/nkm8+dG"
    "KfODO/i8lsRxoXSQLruQ7cNfoONJMU1x2N6RGTzihRJeYvC1lIgHaR5qMq3hUoVUz0US7D"
    "L0xAHKZbpSO9mOo0age5PqzUpw9LOvVhvleL2L56Wk+E0DoatXcXpsiDhZR/Rgs6I1ZgMJ"
    "TnCMiFWaYGJcKp6CGfMcRshTX5GfVsX6+KV+PK1oMVQucBFOVEERkR4x/+HlROobX2UKCu"
    "KJqzDrBl92YoKymaqzDBQBLSXoKB/U3NdmvepZ+VQHO8lmhhCmxnX6iU/Y9gTho4sjI4rf"
    "Xe3lfpYhqEc8jgJMwHtkpDLm6ER9z4eEpUkbr1K2i3HTuT3KswybW1YF+4VhS7ZdORzJm3"
    "mESnOgVSlIk9j6r2MtTEttt4waaZ+gMlg9N6vtNloMgUscTzWK39H2nULm4bWLelY3VwVh"
    "2aU6CO5adZtqk7rb5XIFFa+70C0rwsom/eURd5BB7FfYSjuXpIbOaOOajKart0VeD2M0mu"
    "MVxnblH/wvW9ZU8VrxPf3SsN2BHlDJuNq7kRxMZPcb6JWEz3pOwJenAYPOeRz4HNA02YbS"
    "FqBUctmzbjwgDCPLggNhCqt5OupdZNn9FcloxcOdAUKnU4nrR1MbSZBLwkPr6eaPQSBFpd"
    "RCLyWNMhsQLobN9ruEb3q6zR/eI1up9bo7v9fGvY4L/r2RdapJIqDtUoHutUdZbGTgz0oy"
    "oD/ah4oB/l3GAeWyj3mRazm4DsIMXHVebS4+K59FjhP5fyfE2vbhq1i0Sv/YBcB+RlVtN1"
    "HiF2kOBNRIJgrkoEXtaLI0RHcAWCpY6Y5/eefCuypkaAnaC3hM77iz+k+rWKFIhoVAcKRM"
    "UTtJ8LSUMbw8edPGb1zsdSw8nnBkjc3ivNDCALGnxVsl5mgAR6oMg090TZZ+xE2u7+me3a"
    "Jjaiu5VsVZo7Q5WEV2YHijE7E17R9oFwMn5KxfpTm/UVrOsVY6bbjhpNpvRL95H6RfmN45"
    "ul0zmVxRrsPA2BxYHs6BSB3obYjLir49zkmSMOnhKeypdHbJM5iuCNFp7X7W3VIJpeboyo"
    "ZVuNADu3Om8kzDsYO5YxVAQglxi1Uiid5X3pCgsniBM0mJLlyUDECA+EnRh+ygNdXUQVYa"
    "q1kC2byrrIsC4ybDeo1kRgOiUeNScqaSm8Uyoq4bjMU5JSMddrljdei1/9maHqxaLHI/HU"
    "J8QWr4sJiM6LYmMBpMo6BqVKBJDcSiYGVQ2Gw+I7yO5GUpfAE31lcMJ/7m6uC2SEGJJh2a"
    "Kmj/6HbMp3bO0SZJQbdLO22720IiMq2LpB9/v/AcCXBeA="
)
