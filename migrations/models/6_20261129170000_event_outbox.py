"""Events that a program has yet to be told."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

TYPES = {
    "sqlite": {"float": "REAL"},
    "postgres": {"float": "DOUBLE PRECISION"},
}

SCHEMA = """
CREATE TABLE event_outbox (
    id BIGINT NOT NULL PRIMARY KEY,
    attempts INT NOT NULL,
    due_at {float} NOT NULL
);
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return what is new in the words of this database."""
    return SCHEMA.format_map(TYPES[db.capabilities.dialect])


async def downgrade(db: BaseDBAsyncClient) -> str:  # noqa: ARG001 - aerich's signature
    """Return nothing: going back means restoring the backup made before."""
    return ""


MODELS_STATE = (
    "eJztXetzm7gW/1c0/rLtTNpJEyftpp+SbLqbu91mJ4/b3dnZwTIotsaAvAjH9ezt/36PBJ"
    "iXIEAwVhy+tA7oCPjpcd5H/w4cZhGbv73jxLtmy8EJ+nfgYofAj+ytPTTA83l8Q1zw8diW"
    "bRfQSF7BY+572PTh4j22OYFLFuGmR+c+Za5oejslSNKh0UiSjUYfkU8dwhF10Z1LvyFOTO"
    "Za/K3o0GIm9EjdSQPahUv/WRDDZxPiT4kHPfz1N1ymrkW+ER79OZ8Z95TYVurjqSU6kNcN"
    "fzWX1+4WwVVrbJjMXjhu3HC+8qfMXbdcQMu3d3eXP4l7E+ISD/vESmDiLmw7xC66FLwsXP"
    "C9BVm/pRVfsMg9XtgCWUEdvEd8bWAYX65ujZuLW8MY5FCPKBJghpcALTFi1PUFIP9+D/qN"
    "P1xeHYgHnH2+OpPfyrg/8eSNgfzG75II+zggk8DGSBIHUzsP5vkUe58k7FlE1wQZUOE1nx"
    "2cAwd/M2ziTvwp/HlwNCzB97+n1+e/nF6/glavxSMZrKNgdX0Jbx0E9wTeMb7y/xrwRu3b"
    "QTe6EMMbL/s1loNO0H23v18BXWhViK68l0bXYzbhdeBdE2wK39z07Qjeg0rwHpTAe5CH1/"
    "SIAMPAfh7jTzbDvhrkNFkG6XtBt6m5vJ2t96eru7PPF+j364vzy5vLqy/iKc6K/2PHN8Ul"
    "uEB9icH1xennDNQPxKPQd22sM3QNwQ5n7QvB2qJcfHdtrDN0PdYVsLYx9w1OJ65B3bp4K2"
    "h7zCtgPsWuZSukjjPqYm+lxjqmyUA8XvkBx9QC4sHXKfYRXoDC4PrUxD7zOJq5bIkwmoPG"
    "wVw0Xp2g4yHy4IOYg+TrI19QOQS7yGX+FIYGvfpKxqfQjYs+HwqtRPSP3g3fHr999zqv2X"
    "T21PryvsPDyQGM/Ozyy+n1n69+O/3jdWrefL768rNKPzj78/biNMvzQX007kHGX3gq0erS"
    "LWL6WbrMPIJP6pLr7yumjsdgCJhL3gidFMFIIQ/UUeCgKyTeXmqpGHlsqZgA9WizotpEfM"
    "qbg3fD98MPh8fDD9BEfu76yvuSkb78cpsZI6GCGez+vu6GmqHTejMd3FDXJGgJSw4WEuXR"
    "QltiABUWFBKM4Q2gbhPfh1v5MWvSQbcbNXXmzGsgYGfo9B7Hr8EAwKIxTbZwfRgA2BrxDK"
    "6K9YPuPdgwxf3rBfdhU/Tg4kf5IHTPPIThfybsQ4oRbrfrzY+9sGfdzxJ2GHFhjM3ZEnuW"
    "kboTTxJOOAcouWIzPgtJP/16TWwsAc9Ph9BQeBN0E9oKn6fyFV8Np29qNc0x5zOyeipQvw"
    "fd7DBQEecyJOd6IlzXYWfn8OcOY2ZOYbcg7uTJeJ1HHVUDS0/NJY+V2MnYASva29K3Ylh9"
    "5s9LAL1yyS2Dfx6H9RY62j1EnQMng6iDXTyRbym6E8QhAL/hCTU/U3dW4ChK3d8r8xY5oq"
    "VhQ9MGPqMEsfD+UBC1qIUol2x4vhjb1EQjjwD0oNtTq5lzqc2HPO6F+iv2eVBr8HfvlNq4"
    "U2q+8ICilt8kQdKd66Q711Q1436JbT9r2t+2308veDfh+fMZ6CHGFPNpPUtcmq6hNU43vL"
    "dlyHKwWQ/9JFWPfVPsxx5bgrrdYPZnKfW2Rv8Cb4nYvZQ7TMZmlER/hd8R2IAxKJRWaHig"
    "9yCvSEOFy6JWeWmnzY63Px3gs2rZktftu7Mh72+K0bRs+vWIv/AAEVaHd6eIGvFvzZSmrH"
    "Q0/FBJPhp+KJGQxM2MeXZeB+Sg9Q5KR8OjCuAOjwqhFbeU7KEOugmSHYT4uIp8f1ws3x/3"
    "oTvbc7eTb3MKzK8u1GmyHuoqUJs26Pj1J3WSSmtnmVY4G7AX8MDmWnWXztLtoqzRtiUGz+"
    "cee6g/qzN0Ws/rwFPLmUPGzFqh5ZShKbakPiOsuMIFn1JuqJvQb6SvlvoF7t8WOtXK8VvL"
    "kVLTR5DwASs8BGkPcbF/IHJI13cORJQNc0qqkVcx6IvsFCMww/cm/U5M+uHnUxU/OaOTQl"
    "NAmm5n7AE/HhwcHr4/2D88/nA0fP/+6MP+2jCQv1VmITi7/FkYCVLcJm816LWBzkQnESVq"
    "iN2pHjNPUvVAVwLaqWVACJvvoPFgI5lV2KyHrrmr6A6rgDssxnaYg7Y3K/ZmxedqVpQpOY"
    "sGNpgsYc/jqvA4j/lN5LY0md5Qx0HcNn0gKJb3pSuTcr4gVknk9yNEvSW47eG6tEAXJ671"
    "ERGZ/SLnmkDeYQ9CI/f3kCvuoDmseDTCYw7f6RMj/shRfjjb6rRjCTT/GvWEfjW93hNAl6"
    "0RZkv9jTFJpLXBVCOUG7gB0lS9E+BxJ0DCIFnB2pho3abJUd+pXGJ0zJnW06AqtgfmETpx"
    "fyVBBNolvAN2TZXhJV9i6XkimsstgMseXq7t3cn5BJ8PH02CDeH89Ob89KeLwfftuCsSmV"
    "gKd0U6T6vYXRGlhdV3V0SUxf4GJJoHqQds4XGZFxzkH3wM8hKTKeM/CMkUjUyPWOIatkVq"
    "QrnHo7M36J0mOjpNUgOVBxW2MJXJPk3SVhDzc4JWFYMaLApjFmBWPSA5Tad3SPjg/Ormwo"
    "BpgV5dfzpHP+4fHayrTLxXlLV4vPn2Y4dl/ReZ3V3PcZim224ximftOxS8fDE3iE0ndKws"
    "K8OYTbBbYGDNU2fXEJDrMxjCsiQ4oKjs4rEHasFPB68QX7nm1GMu5USE2b86u3i9J5ntMm"
    "zPXIIsYMQ4CDoR9k4EHBNa3igLymzoKTUW7NXV59SCPbvMzIUvd7+dXVy/evc6rSaqpwjo"
    "1QuFY+PRybGm03patMKp2gMcHuhyUQOkVvHDNNUO+js24wnFk0VlkTZu/OIV8+dVBbU7n1"
    "yVVNPj4kzT41yiaR/c0201wy26PzWzim4Ybb7g80Zm/iyh1mgn65SJShZsCS8FQh6HH8L1"
    "dSIkQWHEQVKb4TJyOSwoWFr0rFFn3Y7wDKA0Fq4opaiKCy2THbOkWxYfC8yJkZw/yuhBI2"
    "GI4z61beQzNAZJnmDP9fciwf6eeqFkD9TkJFvETOoAMGxoRsi8KDa+swdvRQTuPSa9x6T3"
    "mGQ8JlEVLIW7JFEgq9hXIspx1feTCKpCD8We+OERYDWcYDtMvIFdhXoBcyp3gDy96yecMq"
    "LFFvOc7O4VXBrBSBnBwNWzxOdIta4N0ibG7ZfGcYHPOw10xgyh1oK1LmpMUMbeJyrraIkD"
    "I0WmXTFtsUm7ZElAMpQVscWLBumVIgITmyaZw3tJdUPYr0Wp3TGB/VnatTH8JzQ0hdzaYr"
    "9aeE9ehg6ry1ITiMHjG7GXPK3W/GVwGko/weowp1gUp12fNADKPbURlsXpRemosDQUn4Jk"
    "FLiUhGYXZtRWSbbe/OO2zxejKSC/ptZqzVH2y7XWcpXzoqKgraB6gsD9fBCvo9LXUT8fU/"
    "+jIsybV/510HVaVv2fpM5na6sr1HpF+fVi9T5d+L2+op+mb1jFoU4nCuU9FYcIS4HKF/27"
    "qk7fBye2VqQ5wj6HZ6FKkyTROSJLztfAEs5XzpjZcSlOiwQuFGLbHC2n1JwiUapUGNNN5s"
    "xBA9lDnAUSjgjW4TZbBi0oR8Rli8lUvTw2+7gNV6Xk2K5rzAkp9A6o1NmIU7+2bl9T+smG"
    "sz7UoivdoEmURR9g0QdY6Iu2Fu4kfSHuPdYaqa2deaxTx2Ep9NvscVnFym18Qld9xTamTZ"
    "8nBAK2Hwnjo8ju1PTUojYfUunUoriqQJ+s1x9atANZ8oEHosGpIhlCvRWg1OEfodOFurnt"
    "ofzQkEfoNFClot2w3kimyLR20Omsx4auk+rSaJpAe3fL4OuUIUeErd5TlwprmB90IyKjPX"
    "F+90rWjHbwShU6W4u29WQZyg3xUzE0pQHRSTKtc+ni5EcXYcsCIHhwbJF4+5MgOp259ioO"
    "YP9BCEmyEkIYth64lOUZzkiAD/uBaOTK9EhG1EdFd/HMrYRC714lVBgunIggQNj2CLZWwR"
    "DAlZNoHKRIDI80faaIJG3cS/dZhv25TioBcjPnOr2AMn0v2eal2Zx+/iYvPQF9rhavGxgl"
    "+LxfCwtbpRvslR7FETQ1mtW3SlI3PZKjchdPyMOYqTaQYq44U+4gDeWbTRipBqLazvvjww"
    "8gdy6c8RyAXRsAw9PLAc888NXJOslALzaFYXvCPOpPnVpiaZJIZ+G0oTTzrprUWCI05s1h"
    "MiEGJsIDgFLXIpal1dsoprM1pY8K6M5jDfyGG/ceU2wtZf7qFJnW3urBJ3jLIIGfiRx+JN"
    "89POM5THAU+3wQ8yXcR2Lr51NiITwF9TbPNtrosNtRfiAehb55g0D8PKneo30nEyfCeg0o"
    "evuPkcGR2mQ9ZAjGaomprxDJGvfyYo6+O53TYok7vlkqbeM5bShpR5QNpexq5E+QsHsvcF"
    "te4L7S1WbtpNxkc1Kr6l1MsYMYH1TC+KAE4wMFxi/Czd5rFM8e/ud+Zo+ehtVNIe2RBzZr"
    "cJhViqxHWm85+zPx/cCvoJCz45ulcjZxMLUNGKgFqS9qJ4gbStuVe6gShMl97C/k57nkmw"
    "+T2CfO3O9jMruRxkWRwHquA7dF34FmkmLb0ZgeMemcElVh/rKQhQTRLsJ8VMW7Aq2KgT7K"
    "VfiFDYjDdqt0pBdDnabaQawPK83pw5JJfZif1SK2r57WE1FoHY06uAlL5AEj5R/Rks6JFR"
    "gM5TkCkjHL0qBEOBU95DOGmK2wJj+hn+3rVTE3rmw9WFPovICimiiiImL8w9+DzimM1h4K"
    "1BXFcNYh7Ni9GcpKiuEqLDCQJOmuwMD+pna7lrP0sxJoDtcSLUxB29sXKlX/I5iTBo6sDJ"
    "3Weu/gq3QxjcI9ZHQS1gNblyEXN8Ijbnw8I6pI3foddDuOvUnuRZjkumLYF64VxW7Z9F7W"
    "zFtOo1OdAinKxJ5HVbkMNWm7Hbwgaab+QsnQab3f6bJQZIlY4nmsVv5HmmoX0wbatnSsD8"
    "6qA3OKqEf5cZRt6s6q5wokWmufKyDNyyL65g11kUfgUdxHONqrx8Rm7oSDqqy2S1cl3H4l"
    "yRbDdRYW9S9c31sNVPE68d290oAd0c6w2aSaG0EkforzTQQz3ZOyJ+jBYfCcRz4GNg80Zb"
    "aFqBUctWzajAsDCPPggkggVKeTttLrps9oLitGrlxoCpU6XE/auhi6LAJeEh9fTzR6DgKt"
    "LiIReajpkFgT6Gzfa8ijh1V49LCYRw9zPLrP52shwX/Xqy90CCVVHKpRvNap6iyNnVjoR1"
    "UW+lHxQj/KucE8tlTmmRajmyDZQYiPq+ylx8V76bHCfy7l+Zpe3TTVLgLd+gG5DsjLrKbr"
    "PKLYQYA3EQmCuaoQeNksjih6gCsALHXEPL635FuRNTUi2Al4S+C8vfhDql/rSIEIRnWgQN"
    "Q8Afu5kDS0MXxcCHXkauGP2beBwvKRvL1XGkMpGhosblkviDJB3TSKsnIXLecttWHG2Fao"
    "5OAqcOuAJCW8OqPR2oI1UtT7e6yxpraPZxLVsXkrVGuBHRYsn5o2pZiktytpHlJ/I0/evv"
    "GxfLl8uZjE7VKWEJzgbfB1y3rFYhLUqs3okbZP2OS3m1K5XXP1Rsx5JdmrC2esUvrLeGpM"
    "szMRd12fESpDalWoP1a/RYG6XmHHbZoC2wgG1mRLv3QfgNUUZEnFN0u3cyqbNShGEBIWC+"
    "XoNJAp58Rdn/Apj6Fy8IzwVAlVYpvMUcTzdfC8vtyBBglWMleulrstItg57ryRzJ9g7VjG"
    "WJGTUuLnSFHpbAKS0RHhBnGCRjOyOhmJtJGRcB3CT3nGt4uoInOhFmXH3pM+WLgPFt4NqD"
    "URmE6JR82pSloK75SKSjhu85ikVIx1y/LGSwm1eqKRq1j0eCCe+tDwYr6YINGZKTYWQKrw"
    "MWhVIoDkOJlYVDUQDpvvILobqWYFT/SV8Wr/ubn6UiAjxCQZlC1q+uh/yKZ8x3iXAKPcx5"
    "d15+2lFRnRwdZ9fN//D86z9qw="
)
